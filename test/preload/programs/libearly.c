/* SPDX-License-Identifier: MIT */
/*
 * A library whose constructor allocates, before main and, as the order of preloading has it,
 * before or after the allocator's own constructor. What it allocated is used while the program
 * runs (in its fork handlers), moved and freed by its destructor, after the program's own exit
 * handlers. The destructor prints one line, through stdio, in every process that loaded it.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

enum { BLOCKS = 300 };

static void *block[BLOCKS];
static char *name;
static pthread_key_t key;

static size_t size_of(unsigned i)
{
    return (size_t)i * i % 5000 + i + 1; /* not 0, for the sake of realloc */
}

static void look_and_move(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        check(block[i], size_of(i), i);
        block[i] = got(realloc(block[i], size_of(i) + i % 3 * 100));
    }
}

static void before_fork(void)
{
    look_and_move();
}

static void after_fork(void)
{
    look_and_move();
    churn(5, 100, 3000);
}

__attribute__((constructor(101))) static void first_of_all(void)
{
    for (unsigned i = 0; i < BLOCKS; i += 2)
        block[i] = filled(size_of(i), i);
}

__attribute__((constructor)) static void start(void)
{
    for (unsigned i = 1; i < BLOCKS; i += 2)
        block[i] = filled(size_of(i), i);
    expect(asprintf(&name, "early library in %s", program_invocation_short_name) > 0, "asprintf");
    pthread_atfork(before_fork, after_fork, after_fork);
    pthread_key_create(&key, free);
    pthread_setspecific(key, filled(100, 1));
    for (int i = 0; i < 40; i++)
        expect(!setenv("EARLY", name, 1) && !unsetenv("EARLY"), "environment");
}

__attribute__((destructor)) static void finish(void)
{
    look_and_move();
    for (unsigned i = 0; i < BLOCKS; i++)
        check_and_free(block[i], size_of(i), i);
    churn(6, 1000, 3000);
    printf("%s: its %d blocks were good to the end\n", name, BLOCKS);
    free(name);
}
