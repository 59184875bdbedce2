/* SPDX-License-Identifier: MIT */
/*
 * A walk afterwards: lists are built from blocks in a heap that has been churned, and then walked
 * from end to end, again and again. What an allocator saves by handing out blocks in any order the
 * program pays for later, at every step to a line or an OS page that is not in the cache: `walk_ns` is
 * the time per block. `fresh_ns` is the same for lists that were built before the churn.
 */
#include "workload.h"

#include <stdio.h>

enum { BLOCKS, CHURN, WALKS, PARAMETERS };
static struct parameter parameters[] = {
    [BLOCKS] = {"blocks", 300000, 100000, 1000},
    [CHURN] = {"churn", 3, 2, 2},
    [WALKS] = {"walks", 24, 8, 2},
};

struct block {
    struct block *next;
    size_t number, size;
};

static size_t pick(struct random *random)
{
    return random_between(random, sizeof(struct block), 160);
}

/* A list of `count` blocks in the order in which they are handed out. */
static struct block *build(struct random *random, size_t count)
{
    struct block *first = NULL, **end = &first;

    for (size_t i = 0; i < count; i++) {
        size_t size = pick(random);
        *end = block_take(size);
        **end = (struct block){NULL, i, size};
        end = &(*end)->next;
    }
    return first;
}

/* Nanoseconds per block; the sum of the numbers is verified. */
static double walk(const struct block *list, size_t count)
{
    unsigned long walks = parameters[WALKS].value;
    size_t sum = 0;
    uint64_t start = clock_now();

    for (unsigned long i = 0; i < walks; i++)
        for (const struct block *at = list; at; at = at->next)
            sum += at->number;
    uint64_t end = clock_now();
    if (sum != count * (count - 1) / 2 * walks)
        workload_fail("a list does not hold what was written to it");
    return (double)(end - start) / (double)walks / (double)count;
}

static void drop(struct block *list)
{
    while (list) {
        struct block *next = list->next;
        free(list);
        list = next;
    }
}

/* Frees and allocates at random places, and in the end frees two of three blocks. */
static void churn(struct random *random, void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        blocks[i] = block_take(pick(random));
    for (size_t i = 0; i < count * parameters[CHURN].value; i++) {
        size_t at = random_below(random, count);
        free(blocks[at]);
        blocks[at] = block_take(pick(random));
    }
    for (size_t i = 0; i < count; i++) {
        if (random_below(random, 3) == 0)
            continue;
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "lists in a churned heap, walked afterwards", parameters,
                   PARAMETERS);
    struct random random = random_from(29);
    size_t count = parameters[BLOCKS].value;
    void **blocks = block_take(count * sizeof *blocks);

    struct block *list = build(&random, count);
    double fresh = walk(list, count);
    drop(list);
    churn(&random, blocks, count);
    list = build(&random, count);
    double after = walk(list, count);
    drop(list);
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    free(blocks);
    printf("walk_ns=%.3f fresh_ns=%.3f\n", after, fresh);
    return 0;
}
