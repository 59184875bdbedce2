/* SPDX-License-Identifier: MIT */
/*
 * What an attacker can foresee of the hardened library's choices: where the next block lies, when a
 * freed one is used again, whether its place ever holds a block of another size. Run with it preloaded.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

static void check(int good, const char *what, size_t size, double seen, double wanted)
{
    printf("%s%s, %zu bytes: %g (wanted: %g)\n", good ? "" : "FAILED: ", what, size, seen, wanted);
    failures += !good;
}

static void *get(size_t size)
{
    void *block = malloc(size);
    if (block == NULL) {
        puts("FAILED: out of memory");
        exit(1);
    }
    return block;
}

/* How often the next block is the neighbour of the one before, on either side. */
static void neighbours(size_t size, double most)
{
    enum { COUNT = 20000 };
    static char *block[COUNT];
    size_t beside = 0, step = (size + 16) / 16 * 16;
    for (int i = 0; i < COUNT; i++)
        block[i] = get(size);
    for (int i = 1; i < COUNT; i++)
        beside += (size_t)llabs(block[i] - block[i - 1]) == step;
    for (int i = 0; i < COUNT; i++)
        free(block[i]);
    check((double)beside / COUNT <= most, "next to the one before", size, (double)beside / COUNT,
          most);
}

/* The fewest allocations, each freed at once, after which a freed block comes again. */
static void distance_here(size_t size, size_t least)
{
    enum { TRIES = 51 };
    size_t fewest = SIZE_MAX;
    for (int i = 0; i < TRIES; i++) {
        void *first = get(size);
        free(first);
        size_t count = 0;
        for (void *block = NULL; block != first && count < 4 * least; count++) {
            block = get(size);
            free(block);
        }
        if (count < fewest)
            fewest = count;
    }
    check(fewest >= least, "reused after", size, (double)fewest, (double)least);
}

/* One block of many sizes: its heap gives many more back, unused, when it ends. */
static void *use_many_sizes(void *unused)
{
    (void)unused;
    for (size_t size = 16; size <= 1024; size += 16)
        free(get(size));
    return NULL;
}

/* Threads that come and go do not make it shorter: what they give back nobody has freed. */
static void distance_past_threads(size_t size, size_t least)
{
    enum { TRIES = 20, THREADS = 3 };
    size_t fewest = SIZE_MAX;
    for (int i = 0; i < TRIES; i++) {
        void *first = get(size);
        free(first);
        for (int t = 0; t < THREADS; t++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, use_many_sizes, NULL) == 0)
                pthread_join(thread, NULL);
        }
        size_t count = 0;
        for (void *block = NULL; block != first && count < 4 * least; count++) {
            block = get(size);
            free(block);
        }
        if (count < fewest)
            fewest = count;
    }
    check(fewest >= least, "reused, past threads, after", size, (double)fewest, (double)least);
}

enum { SHORT_THREADS = 300, SHORT_BLOCKS = 4, PLACES = 64 };

static struct {
    uintptr_t unit[PLACES];
    size_t count;
} places;

static void *use_a_few(void *size)
{
    void *block[SHORT_BLOCKS];
    for (int i = 0; i < SHORT_BLOCKS; i++) {
        block[i] = get(*(size_t *)size);
        uintptr_t unit = (uintptr_t)block[i] >> 16;
        size_t at = 0;
        while (at < places.count && places.unit[at] != unit)
            at++;
        if (at == places.count && at < PLACES)
            places.unit[places.count++] = unit;
    }
    for (int i = 0; i < SHORT_BLOCKS; i++)
        free(block[i]);
    return NULL;
}

/* What a thread was to choose among and did not take is for the next one: few units of 64 KiB do. */
static void short_threads(size_t size, size_t most)
{
    for (int i = 0; i < SHORT_THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, use_a_few, &size) == 0)
            pthread_join(thread, NULL);
    }
    check(places.count <= most, "units that short threads used", size, (double)places.count,
          (double)most);
}

/* In a process that frees nothing else. */
static void distance(void (*here)(size_t, size_t), size_t size, size_t least)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        here(size, least);
        fflush(stdout);
        _exit(failures != 0);
    }
    int status;
    failures += child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

/* In a row of phases, each of one size, no unit of 64 KiB ever holds blocks of two sizes. */
static void isolation(void)
{
    enum { COUNT = 20000, UNITS = 1 << 16 };
    static const size_t sizes[] = {24, 200, 1000, 5000, 56, 3000};
    static struct {
        uintptr_t unit;
        size_t size;
    } seen[UNITS];
    static char *block[COUNT];
    size_t shared = 0;
    for (int round = 0; round < 3; round++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            int count = (int)(COUNT * (size_t)24 / (sizes[s] < 24 ? 24 : sizes[s])) + 500;
            for (int i = 0; i < count; i++) {
                block[i] = get(sizes[s]);
                uintptr_t unit = (uintptr_t)block[i] >> 16;
                size_t at = unit % UNITS;
                while (seen[at].unit != 0 && seen[at].unit != unit)
                    at = (at + 1) % UNITS;
                shared += seen[at].unit == unit && seen[at].size != sizes[s];
                seen[at].unit = unit;
                seen[at].size = sizes[s];
            }
            for (int i = 0; i < count; i++)
                free(block[i]);
        }
    check(shared == 0, "blocks where another size was", 0, (double)shared, 0);
}

/* What a block held is gone from it, when it is freed as when it comes again. */
static void zeros(size_t size)
{
    size_t wrong = 0;
    for (int i = 0; i < 2000; i++) {
        unsigned char *block = get(size);
        for (size_t at = 0; at < size; at++)
            wrong += block[at] != 0;
        memset(block, 0xab, size);
        free(block);
        unsigned char *volatile freed = block;
        for (size_t at = 0; at < size; at++)
            wrong += freed[at] != 0;
    }
    check(wrong == 0, "bytes left behind", size, (double)wrong, 0);
}

int main(void)
{
    distance(distance_here, 16, 8192);
    distance(distance_here, 64, 4096);
    distance(distance_here, 256, 1024);
    distance(distance_here, 1024, 256);
    distance(distance_here, 8192, 64);
    distance(distance_here, 65536, 64);
    distance(distance_here, 1 << 20, 64);
    distance(distance_past_threads, 64, 2000);
    distance(short_threads, 64, 8);
    distance(short_threads, 1000, 32);
    neighbours(16, 0.04);
    neighbours(64, 0.03);
    neighbours(256, 0.05);
    distance_here(64, 2000);
    distance_here(1024, 120);
    distance_here(8192, 30);
    isolation();
    zeros(24);
    zeros(1000);
    zeros(9000);
    return failures != 0;
}
