/* SPDX-License-Identifier: MIT */
/*
 * Scaling: the same private work (random replacement in a set of small blocks) first in one thread,
 * then in one per processor at once. `speedup` is how many times the work of the first gets done in
 * its time; the number of threads is the best there is. Without threads=N there is one per processor.
 */
#include "workload.h"

#include <stdio.h>
#include <unistd.h>

enum { THREADS, PAIRS, PARAMETERS };
static struct parameter parameters[] = {
    [THREADS] = {"threads", 0, 0, 2},
    [PAIRS] = {"pairs", 20000000, 3000000, 2000},
};

enum { LIVE = 1000 };

struct slot {
    void *block;
    size_t size;
};

static void work(size_t index)
{
    struct random random = random_from(index + 41);
    struct slot slots[LIVE] = {0};

    for (unsigned long i = 0; i < parameters[PAIRS].value; i++) {
        struct slot *slot = &slots[random_below(&random, LIVE)];
        if (slot->block)
            block_end(slot->block, slot->size, slot->size);
        slot->size = random_between(&random, 16, 256);
        slot->block = block_new(slot->size, slot->size);
    }
    for (size_t i = 0; i < LIVE; i++)
        if (slots[i].block)
            block_end(slots[i].block, slots[i].size, slots[i].size);
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "the same work in one thread and in many", parameters, PARAMETERS);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = parameters[THREADS].value;

    if (threads == 0)
        threads = processors < 1              ? 1
                  : processors > MOST_THREADS ? MOST_THREADS
                                              : (size_t)processors;
    uint64_t start = clock_now();
    threads_run(1, work);
    uint64_t middle = clock_now();
    threads_run(threads, work);
    uint64_t end = clock_now();
    double pairs = (double)parameters[PAIRS].value, alone = (double)(middle - start);
    printf("pair_ns=%.2f speedup=%.3f threads=%zu pairs_per_second=%.0f\n", alone / pairs,
           (double)threads * alone / (double)(end - middle), threads,
           (double)threads * pairs / ((double)(end - middle) / 1e9));
    return 0;
}
