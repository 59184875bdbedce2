/* SPDX-License-Identifier: MIT */
/*
 * A program with cairn-malloc.o inside, linked in each of the ways there are: statically, statically
 * and position-independent, and dynamically as both. Blocks from a constructor, from main and its
 * threads, and in exit handlers.
 */
#include "property/pattern.h"

#include "cairn.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 500 };

static void *early[BLOCKS];

static size_t size_of(size_t i)
{
    return i * 37 + (i % 50 == 0 ? 500000 : 0);
}

static void die(const char *what)
{
    _exit(write(STDERR_FILENO, what, strlen(what)) < 0 ? 2 : 1);
}

static void take_all(void **blocks)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(size_of(i));
        if (blocks[i] == NULL) {
            die("no memory\n");
        }
        pattern_fill(blocks[i], size_of(i), i);
    }
}

static void give_all(void **blocks)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        if (pattern_mismatch(blocks[i], size_of(i), size_of(i), i) != PATTERN_INTACT) {
            die("a block changed\n");
        }
        free(blocks[i]);
    }
}

__attribute__((constructor)) static void first(void)
{
    take_all(early);
}

static void *work(void *argument)
{
    void *blocks[BLOCKS];

    for (int round = 0; round < 20; round++) {
        take_all(blocks);
        give_all(blocks);
    }
    return argument;
}

static void last(void)
{
    work(NULL);
    give_all(early);
}

int main(void)
{
    pthread_t threads[THREADS];

    if (!cairn_is_active() || cairn_usable_size(early[1]) < size_of(1)) {
        die("malloc is not Cairn's\n");
    }
    atexit(last);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) {
            die("no thread\n");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    puts("all is well");
    return 0;
}
