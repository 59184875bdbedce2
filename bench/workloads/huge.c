/* SPDX-License-Identifier: MIT */
/*
 * Huge blocks: 5 to 25 MB, at most eight at a time, allocated, written in part, and freed again in
 * random order, as programs for pictures and matrices do.
 */
#include "workload.h"

#include <stdio.h>

enum { SLOTS, PAIRS, PARAMETERS };
static struct parameter parameters[] = {
    [SLOTS] = {"slots", 8, 8, 3},
    [PAIRS] = {"pairs", 6000, 800, 12},
};

struct slot {
    char *block;
    size_t size;
};

enum { MOST_SLOTS = 64, STRIDE = 1 << 16 };

static void put(struct slot *slot, size_t size)
{
    if (slot->block)
        block_end(slot->block, slot->size, slot->size);
    slot->block = block_new(size, size);
    slot->size = size;
    for (size_t at = STRIDE; !workload_checks && at + STRIDE < size; at += STRIDE)
        slot->block[at] = 1;
}

int main(int argc, char **argv)
{
    static struct slot slots[MOST_SLOTS];

    workload_start(argc, argv, "blocks of 5 to 25 MB, replaced at random", parameters, PARAMETERS);
    struct random random = random_from(5);
    size_t count = parameters[SLOTS].value;
    if (count > MOST_SLOTS)
        workload_fail("too many slots");
    uint64_t start = clock_now();
    for (unsigned long i = 0; i < parameters[PAIRS].value; i++) {
        struct slot *slot = &slots[random_below(&random, count)];
        put(slot, random_between(&random, 5000000, 25000000));
    }
    double passed = (double)(clock_now() - start);
    for (size_t i = 0; i < count; i++)
        if (slots[i].block)
            block_end(slots[i].block, slots[i].size, slots[i].size);
    printf("pair_us=%.2f\n", passed / 1e3 / (double)parameters[PAIRS].value);
    return 0;
}
