/* SPDX-License-Identifier: MIT */
/*
 * A server whose worker threads come and go: each has a table of live blocks, replaces random ones,
 * and ends after some requests; the thread that follows it inherits the table, and frees what its
 * predecessor has allocated. The idea is that of P. Larson and M. Krishnan (Memory allocation for
 * long-running server applications, ISMM 1998).
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS, SLOTS, REQUESTS, LIVES, PARAMETERS };
static struct parameter parameters[] = {
    [THREADS] = {"threads", 4, 4, 3},
    [SLOTS] = {"slots", 2000, 2000, 50},
    [REQUESTS] = {"requests", 250000, 50000, 200},
    [LIVES] = {"lives", 40, 15, 10},
};

struct slot {
    void *block;
    size_t size;
};

/* Handed from one life to the next; pthread_create and _join order the accesses. */
static struct table {
    struct slot *slots;
    struct random random;
} tables[MOST_THREADS];

static void replace(struct slot *slot, size_t size)
{
    if (slot->block)
        block_end(slot->block, slot->size, slot->size);
    slot->block = block_new(size, size);
    slot->size = size;
}

static void *live(void *argument)
{
    struct table *table = argument;

    for (unsigned long i = 0; i < parameters[REQUESTS].value; i++) {
        struct slot *slot = &table->slots[random_below(&table->random, parameters[SLOTS].value)];
        replace(slot, random_size(&table->random));
    }
    return NULL;
}

/* One worker's place: a thread after the other. */
static void serve(size_t index)
{
    struct table *table = &tables[index];
    size_t slots = parameters[SLOTS].value;
    pthread_t thread;

    table->random = random_from(index + 1);
    table->slots = calloc(slots, sizeof *table->slots);
    if (!table->slots)
        workload_fail("out of memory");
    for (unsigned long i = 0; i < parameters[LIVES].value; i++) {
        if (pthread_create(&thread, NULL, live, table) != 0)
            workload_fail("cannot start a thread");
        pthread_join(thread, NULL);
    }
    for (size_t i = 0; i < slots; i++)
        if (table->slots[i].block)
            block_end(table->slots[i].block, table->slots[i].size, table->slots[i].size);
    free(table->slots);
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "worker threads that inherit their predecessors' blocks", parameters,
                   PARAMETERS);
    uint64_t start = clock_now();
    threads_run(parameters[THREADS].value, serve);
    double all = (double)parameters[THREADS].value * (double)parameters[REQUESTS].value *
                 (double)parameters[LIVES].value;
    printf("requests_per_second=%.0f\n", all / ((double)(clock_now() - start) / 1e9));
    return 0;
}
