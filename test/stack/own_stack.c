/* SPDX-License-Identifier: MIT */
/* A program that brings its own stack: all of its memory comes through it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* Pointers that are not ours, and that there is nothing to be read before. */
static int foreign_pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages, page) != 0)
        return 1;
    free(pages + page);
    if (mprotect(pages + page, page, PROT_NONE) != 0)
        return 1;
    free(pages + 2 * page);
    return munmap(pages + page, 2 * page);
}

static int free_twice(void)
{
    void *volatile block = malloc(100);
    free(block);
    free(block);
    return 0;
}

/* With no memory for a smaller block, a block stays where it is. */
static int shrink(void)
{
    char *block = malloc(500);
    memset(block, 7, 500);
    while (malloc(100) != NULL)
        ;
    char *volatile same = block;
    block = realloc(block, 100);
    if (block != same || block[99] != 7 || realloc(block, 120) != same)
        return 1;
    return 0;
}

/* This program anew, on a stack: its exit code, or the signal that ended it, negative. */
static int run(const char *program, const char *what, const char *stack)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("CAIRN_STACK", stack, 1);
        close(STDERR_FILENO);
        execl(program, program, what, (char *)NULL);
        _exit(9);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int count, char **words)
{
    if (count > 1)
        return strcmp(words[1], "shrink") == 0 ? shrink() : free_twice();
    /* A second free is passed over, but not by a stack that is there to stop programs for it. */
    if (run(words[0], "free twice", "guarded") != -SIGABRT ||
        run(words[0], "free twice", "counted(checked(heap))") != -SIGABRT ||
        run(words[0], "free twice", "counted(heap)") != 0)
        return 5;
    if (run(words[0], "shrink", "segregated:200(limited:9K(heap),heap)") != 0)
        return 6;
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
    if (foreign_pages() != 0)
        return 7;
    return stale_is_ignored() ? 0 : 4;
}
