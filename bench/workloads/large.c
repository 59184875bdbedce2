/* SPDX-License-Identifier: MIT */
/*
 * Large blocks: a set of 32 of them, of 128 KiB to 1.1 MiB, in which a random one is freed and
 * replaced; each new one is written to in some places, as a buffer for a file or a picture is. An
 * allocator that gives each such block back to the system pays for fresh pages every time.
 */
#include "workload.h"

#include <stdio.h>

enum { SLOTS, PAIRS, TOUCH, PARAMETERS };
static struct parameter parameters[] = {
    [SLOTS] = {"slots", 32, 32, 8},
    [PAIRS] = {"pairs", 700000, 70000, 200},
    [TOUCH] = {"touch", 8, 8, 8}, /* places in each */
};

struct slot {
    char *block;
    size_t size;
};

enum { MOST_SLOTS = 1024 };

static void put(struct slot *slot, size_t size, size_t mark)
{
    if (slot->block)
        block_end(slot->block, slot->size, slot->size);
    slot->block = block_new(size, size);
    slot->size = size;
    for (size_t i = 1; !workload_checks && i < parameters[TOUCH].value; i++)
        slot->block[size / parameters[TOUCH].value * i] = (char)mark;
}

int main(int argc, char **argv)
{
    static struct slot slots[MOST_SLOTS];

    workload_start(argc, argv, "blocks of 128 KiB to 1.1 MiB, replaced at random", parameters,
                   PARAMETERS);
    struct random random = random_from(3);
    size_t count = parameters[SLOTS].value;
    if (count > MOST_SLOTS)
        workload_fail("too many slots");
    uint64_t start = clock_now();
    for (unsigned long i = 0; i < parameters[PAIRS].value; i++) {
        struct slot *slot = &slots[random_below(&random, count)];
        put(slot, random_between(&random, 128 << 10, 1126 << 10), i);
    }
    double passed = (double)(clock_now() - start);
    for (size_t i = 0; i < count; i++)
        if (slots[i].block)
            block_end(slots[i].block, slots[i].size, slots[i].size);
    printf("pair_ns=%.1f\n", passed / (double)parameters[PAIRS].value);
    return 0;
}
