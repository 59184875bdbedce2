/* SPDX-License-Identifier: MIT */
/*
 * Random replacement in a large live set, in one thread: first a table is filled with blocks, then
 * random ones are freed and replaced by others of another size. The sizes shift half-way from small
 * to larger ones, which is when an allocator shows how well it uses again what was left in holes.
 * `rss_per_live` is the resident memory divided by the bytes that are live at the end.
 */
#include "workload.h"

#include <stdio.h>

enum { LIVE, PAIRS, PARAMETERS };
static struct parameter parameters[] = {
    [LIVE] = {"live", 500000, 100000, 500},
    [PAIRS] = {"pairs", 5000000, 900000, 5000},
};

struct slot {
    void *block;
    size_t size;
};

int main(int argc, char **argv)
{
    workload_start(argc, argv, "random replacement in a large set of blocks", parameters,
                   PARAMETERS);
    size_t live = parameters[LIVE].value, pairs = parameters[PAIRS].value, bytes = 0;
    size_t before = memory_resident();
    struct slot *slots = block_take(live * sizeof *slots);
    struct random random = random_from(7);

    for (size_t i = 0; i < live; i++) {
        slots[i].size = random_between(&random, 16, 160);
        slots[i].block = block_new(slots[i].size, i);
    }
    uint64_t start = clock_now();
    for (size_t n = 0; n < pairs; n++) {
        size_t i = random_below(&random, live);
        block_end(slots[i].block, slots[i].size, i);
        slots[i].size = n < pairs / 2 ? random_between(&random, 16, 160)
                                      : random_between(&random, 80, 400);
        slots[i].block = block_new(slots[i].size, i);
    }
    double passed = (double)(clock_now() - start);
    size_t resident = memory_resident();
    for (size_t i = 0; i < live; i++) {
        bytes += slots[i].size + sizeof *slots;
        block_end(slots[i].block, slots[i].size, i);
    }
    free(slots);
    printf("pair_ns=%.2f rss_per_live=%.3f\n", passed / (double)pairs,
           (double)(resident > before ? resident - before : resident) / (double)bytes);
    return 0;
}
