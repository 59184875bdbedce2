/* SPDX-License-Identifier: MIT */
/*
 * False sharing, both kinds that E. Berger and others tell apart (Hoard, ASPLOS 2000). Active: each
 * thread allocates small blocks and writes to them over and over; an allocator that gives neighbours
 * of one cache line to two threads makes them fight for it. Passive: the blocks are first allocated
 * side by side by one thread and handed out; each thread frees what it was given and goes on as
 * above, and an allocator that hands such a block out again to its new owner keeps the line shared.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS, ROUNDS, WRITES, SIZE, PARAMETERS };
static struct parameter parameters[] = {
    [THREADS] = {"threads", 4, 4, 2},
    [ROUNDS] = {"rounds", 250000, 30000, 50},
    [WRITES] = {"writes", 1000, 1000, 20},
    [SIZE] = {"size", 8, 8, 8},
};

static void *handed_out[MOST_THREADS];
static pthread_barrier_t together;

/* A counter in a block of its own, written `writes` times. */
static void write_often(uint64_t start)
{
    volatile uint64_t *block = block_take(parameters[SIZE].value);

    *block = start;
    for (unsigned long i = 0; i < parameters[WRITES].value; i++)
        *block = *block + 1;
    if (*block != start + parameters[WRITES].value)
        workload_damaged((const void *)block, parameters[SIZE].value);
    free((void *)block);
}

static void take_turns(size_t index)
{
    pthread_barrier_wait(&together);
    if (handed_out[index])
        block_end(handed_out[index], parameters[SIZE].value, index);
    for (unsigned long i = 0; i < parameters[ROUNDS].value; i++)
        write_often(index * 1000 + i);
}

/* Nanoseconds per write. */
static double measure(bool passive)
{
    size_t threads = parameters[THREADS].value;

    for (size_t i = 0; i < threads; i++)
        handed_out[i] = passive ? block_new(parameters[SIZE].value, i) : NULL;
    pthread_barrier_init(&together, NULL, (unsigned)threads);
    uint64_t start = clock_now();
    threads_run(threads, take_turns);
    uint64_t end = clock_now();
    pthread_barrier_destroy(&together);
    return (double)(end - start) / (double)threads / (double)parameters[ROUNDS].value /
           (double)parameters[WRITES].value;
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "threads that write to small blocks of their own", parameters,
                   PARAMETERS);
    if (parameters[SIZE].value < sizeof(uint64_t))
        workload_fail("a block has at least 8 bytes");
    double active = measure(false), passive = measure(true);
    printf("active_write_ns=%.3f passive_write_ns=%.3f\n", active, passive);
    return 0;
}
