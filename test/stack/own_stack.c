/* SPDX-License-Identifier: MIT */
/* A program that brings its own stack: all of its memory comes through it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn.h"
#include "cairn/stack.h"

CAIRN_GLOBAL_STACK("limited:1M(heap)");

/* A block that realloc has moved is not ours where it was; freed again, nobody gets it twice. */
static int stale_is_ignored(void)
{
    void *block;
    if (posix_memalign(&block, 64, 100) != 0)
        return 0;
    void *volatile stale = block;
    void *moved = realloc(block, 5000);
    free(stale);
    void *one = aligned_alloc(64, 100), *other = aligned_alloc(64, 100);
    int ignored = moved != NULL && one != other;
    free(one);
    free(other);
    free(moved);
    return ignored;
}

/* A second free is passed over, but not by a stack that is there to stop programs for it. */
static int free_twice(const char *program, const char *stack)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("CAIRN_STACK", stack, 1);
        close(STDERR_FILENO);
        execl(program, program, "free twice", (char *)NULL);
        _exit(9);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

int main(int count, char **words)
{
    if (count > 1) {
        void *volatile block = malloc(100);
        free(block);
        free(block);
        return 0;
    }
    if (free_twice(words[0], "guarded") != SIGABRT ||
        free_twice(words[0], "counted(checked(heap))") != SIGABRT ||
        free_twice(words[0], "counted(heap)") != 0)
        return 5;
    char *small = malloc(1000);
    char *copy = strdup("a string");
    if (!cairn_is_active() || small == NULL || copy == NULL || strcmp(copy, "a string") != 0)
        return 1;
    if (malloc(2 << 20) != NULL || calloc(1 << 11, 1 << 11) != NULL)
        return 2;
    small = realloc(small, 4000);
    if (small == NULL || realloc(small, 2 << 20) != NULL)
        return 3;
    free(small);
    free(copy);
    free(&copy); /* not ours: left alone */
    return stale_is_ignored() ? 0 : 4;
}
