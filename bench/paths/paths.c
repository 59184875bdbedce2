/* SPDX-License-Identifier: MIT */
/*
 * One path of malloc or free at a time, repeated n times, for run.sh to count instructions on.
 * Usage: paths PATH n real|harness
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SET = 4096, LARGE_SET = 1 << 20, BATCH = 32, REMOTE_SET = 50000 };

static void *volatile sink;
static void *blocks[LARGE_SET];

/* Of the harness alone: one instruction each, which run.sh adds again. */
__attribute__((naked, noinline)) static void *no_malloc(__attribute__((unused)) size_t size)
{
    __asm__("ret");
}

__attribute__((naked, noinline)) static void no_free(__attribute__((unused)) void *block)
{
    __asm__("ret");
}

static void *(*volatile take)(size_t) = malloc;
static void (*volatile give)(void *) = free;

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void pair(size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        sink = take(size);
        give(sink);
    }
}

/* The same while `live` others stay: what comes back never makes the page's list whole. */
static void beside(size_t n, size_t size, size_t live)
{
    for (size_t i = 0; i < live; i++)
        blocks[i] = take(size);
    pair(n, size);
}

static void batch(size_t n, size_t size)
{
    for (size_t i = 0; i < n / BATCH; i++) {
        for (int j = 0; j < BATCH; j++)
            blocks[j] = take(size);
        for (int j = 0; j < BATCH; j++)
            give(blocks[j]);
    }
}

/* Random replacement in a live set; sizes from `least` on, `spread` of them. */
static void replace(size_t n, size_t live, size_t least, size_t spread)
{
    uint32_t state = 1;
    for (size_t i = 0; i < live; i++)
        blocks[i] = take(least + random_next(&state) % spread);
    for (size_t i = 0; i < n; i++) {
        size_t at = random_next(&state) % live;
        give(blocks[at]);
        blocks[at] = take(least + random_next(&state) % spread);
    }
}

static void *give_all(void *count)
{
    for (size_t i = 0; i < (size_t)count; i++)
        give(blocks[i]);
    return NULL;
}

/* One thread allocates, another one frees. */
static void remote(size_t n)
{
    for (size_t done = 0; done < n; done += REMOTE_SET) {
        for (int i = 0; i < REMOTE_SET; i++)
            blocks[i] = take(64);
        pthread_t thread;
        if (pthread_create(&thread, NULL, give_all, (void *)(size_t)REMOTE_SET) != 0)
            exit(1);
        pthread_join(thread, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: paths PATH n real|harness\n");
        return 2;
    }
    const char *path = argv[1];
    size_t n = strtoul(argv[2], NULL, 10);
    if (strcmp(argv[3], "harness") == 0) {
        take = no_malloc;
        give = no_free;
    }
    if (strcmp(path, "pair") == 0)
        pair(n, 64);
    else if (strcmp(path, "beside") == 0)
        beside(n, 64, 40);
    else if (strcmp(path, "batch") == 0)
        batch(n, 64);
    else if (strcmp(path, "replace") == 0)
        replace(n, SET, 64, 1);
    else if (strcmp(path, "mixed") == 0)
        replace(n, SET, 16, 512);
    else if (strcmp(path, "million") == 0)
        replace(n, LARGE_SET, 16, 256);
    else if (strcmp(path, "medium") == 0)
        replace(n, SET / 4, 2049, 30000);
    else if (strcmp(path, "large") == 0)
        replace(n, 32, 131073, 1 << 20);
    else if (strcmp(path, "remote") == 0)
        remote(n);
    else
        return 2;
    return 0;
}
