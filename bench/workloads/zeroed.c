/* SPDX-License-Identifier: MIT */
/*
 * calloc: records of some hundred bytes, tables of some KiB, and sparse tables of MiB of which only
 * a few places are used. What an allocator knows to be zero already it need not clear.
 */
#include "workload.h"

#include <stdio.h>

enum { SLOTS, PAIRS, PARAMETERS };
static struct parameter parameters[] = {
    [SLOTS] = {"slots", 1000, 1000, 50},
    [PAIRS] = {"pairs", 1400000, 200000, 800},
};

struct slot {
    unsigned char *block;
    size_t size;
};

static size_t pick(struct random *random)
{
    size_t what = random_below(random, 1000);
    if (what < 900)
        return random_between(random, 16, 512);
    return what < 997 ? random_between(random, 1 << 10, 16 << 10)
                      : random_between(random, 256 << 10, 2 << 20);
}

static void verify(const unsigned char *block, size_t size)
{
    size_t step = workload_checks || size <= 64 ? 1 : size / 61;

    for (size_t i = 0; i < size; i += step)
        if (block[i] != 0)
            workload_damaged(block, size);
    if (block[size - 1] != 0)
        workload_damaged(block, size);
}

/* So that what is freed is not zero. */
static void soil(unsigned char *block, size_t size)
{
    size_t step = workload_checks || size <= 64 ? 1 : size / 61;

    for (size_t i = 0; i < size; i += step)
        block[i] = 0xA5;
    block[size - 1] = 0xA5;
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "zeroed blocks, small ones and sparse tables", parameters,
                   PARAMETERS);
    struct random random = random_from(13);
    size_t count = parameters[SLOTS].value;
    struct slot *slots = calloc(count, sizeof *slots);

    if (!slots)
        workload_fail("out of memory");
    uint64_t start = clock_now();
    for (unsigned long i = 0; i < parameters[PAIRS].value; i++) {
        struct slot *slot = &slots[random_below(&random, count)];
        free(slot->block);
        slot->size = pick(&random);
        slot->block = calloc(1, slot->size);
        if (!slot->block)
            workload_fail("out of memory");
        verify(slot->block, slot->size);
        soil(slot->block, slot->size);
    }
    double passed = (double)(clock_now() - start);
    for (size_t i = 0; i < count; i++)
        free(slots[i].block);
    free(slots);
    printf("pair_ns=%.1f\n", passed / (double)parameters[PAIRS].value);
    return 0;
}
