/* SPDX-License-Identifier: MIT */
/*
 * A program that allocates in .preinit_array: after ld.so relocated everything, before the
 * constructor of any library. Those blocks are then checked, moved and freed in main and in a
 * thread; the program forks too, for the sake of libearly's fork handlers.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 100 };

static void *block[BLOCKS];

static void before_all(int argc, char **argv, char **env)
{
    (void)argc, (void)argv, (void)env;
    for (unsigned i = 0; i < BLOCKS; i++)
        block[i] = filled(i * 37, i);
}

__attribute__((section(".preinit_array"), used)) static void (*entry)(int, char **,
                                                                      char **) = before_all;

static void *use(void *arg)
{
    for (unsigned i = 0; i < BLOCKS; i += 2) {
        block[i] = got(realloc(block[i], i * 37 + 1000));
        check_and_free(block[i], i * 37, i);
    }
    return arg;
}

int main(void)
{
    pthread_t thread;
    expect(!pthread_create(&thread, NULL, use, NULL) && !pthread_join(thread, NULL), "thread");
    for (unsigned i = 1; i < BLOCKS; i += 2)
        check_and_free(block[i], i * 37, i);
    puts("blocks from before the first constructor: checked, moved, freed");
    fflush(stdout);
    for (int n = 0; n < 5; n++) {
        pid_t child = fork();
        if (child == 0) {
            churn(3, 1000, 4000);
            _exit(n);
        }
        int state;
        expect(waitpid(child, &state, 0) == child, "waitpid");
        printf("child %d: %d\n", n, state);
    }
    return 0;
}
