/* SPDX-License-Identifier: MIT */
/*
 * Thread churn: short threads, some at a time, each of which allocates a set of small blocks, leaves
 * a few of them to its creator, and ends. It is the cost of a thread's first allocations and of
 * tidying up after it.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS, TOGETHER, BLOCKS, PARAMETERS };
static struct parameter parameters[] = {
    [THREADS] = {"starts", 14000, 2500, 100},
    [TOGETHER] = {"together", 4, 4, 4},
    [BLOCKS] = {"blocks", 64, 64, 32},
};

enum { LEFT = 4, MOST_TOGETHER = 64, MOST_BLOCKS = 4096 };

struct visit {
    pthread_t thread;
    uint64_t number;
    void *left[LEFT];
    size_t sizes[LEFT];
};

static void *live(void *argument)
{
    struct visit *visit = argument;
    struct random random = random_from(visit->number);
    size_t count = parameters[BLOCKS].value, sizes[MOST_BLOCKS];
    void *blocks[MOST_BLOCKS];

    for (size_t i = 0; i < count; i++) {
        sizes[i] = random_size(&random);
        blocks[i] = block_new(sizes[i], visit->number + i);
    }
    for (size_t i = 0; i < count; i++) {
        if (i < LEFT) {
            visit->left[i] = blocks[i];
            visit->sizes[i] = sizes[i];
        } else {
            block_end(blocks[i], sizes[i], visit->number + i);
        }
    }
    return NULL;
}

static void take_leave(struct visit *visit)
{
    pthread_join(visit->thread, NULL);
    for (size_t i = 0; i < LEFT; i++)
        block_end(visit->left[i], visit->sizes[i], visit->number + i);
}

int main(int argc, char **argv)
{
    static struct visit visits[MOST_TOGETHER];

    workload_start(argc, argv, "short threads that allocate a little", parameters, PARAMETERS);
    size_t together = parameters[TOGETHER].value, starts = parameters[THREADS].value;
    if (together > MOST_TOGETHER || parameters[BLOCKS].value > MOST_BLOCKS ||
        parameters[BLOCKS].value < LEFT || starts < together)
        workload_fail("too many together, or too few or too many blocks");
    uint64_t start = clock_now();
    for (size_t i = 0; i < starts + together; i++) {
        struct visit *visit = &visits[i % together];
        if (i >= together)
            take_leave(visit);
        visit->number = i + 1;
        if (i < starts && pthread_create(&visit->thread, NULL, live, visit) != 0)
            workload_fail("cannot start a thread");
    }
    printf("thread_us=%.2f\n", (double)(clock_now() - start) / 1e3 / (double)starts);
    return 0;
}
