/* SPDX-License-Identifier: MIT */
/*
 * Message passing: producers allocate messages and send them, in batches, through rings with one
 * writer and one reader; consumers verify and free them. No thread ever frees what it has allocated,
 * which is the pattern that fills the caches of one side and empties those of the other.
 */
#include "workload.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PAIRS, MESSAGES, PARAMETERS };
static struct parameter parameters[] = {
    [PAIRS] = {"pairs", 2, 2, 2},
    [MESSAGES] = {"messages", 6000000, 1000000, 3000},
};

enum { BATCH = 512, BATCHES = 16, MOST_PAIRS = 64 };

struct message {
    uint64_t number;
    size_t size;
    uint64_t mark;
};

/* `filled` is written by the producer and `emptied` by the consumer; each reads the other's. */
static struct ring {
    struct message *batches[BATCHES][BATCH];
    _Alignas(64) _Atomic(unsigned long) filled;
    _Alignas(64) _Atomic(unsigned long) emptied;
} rings[MOST_PAIRS];

static unsigned long batches(void)
{
    return (parameters[MESSAGES].value + BATCH - 1) / BATCH;
}

static void produce(struct ring *ring, size_t seed)
{
    struct random random = random_from(seed);
    uint64_t number = 0;

    for (unsigned long b = 0; b < batches(); b++) {
        while (b - atomic_load_explicit(&ring->emptied, memory_order_acquire) == BATCHES)
            sched_yield();
        for (size_t i = 0; i < BATCH; i++) {
            size_t size = random_between(&random, sizeof(struct message), 192);
            struct message *message = block_new(size, number);
            message->number = number++;
            message->size = size;
            ring->batches[b % BATCHES][i] = message;
        }
        atomic_store_explicit(&ring->filled, b + 1, memory_order_release);
    }
}

static void consume(struct ring *ring)
{
    uint64_t number = 0;

    for (unsigned long b = 0; b < batches(); b++) {
        while (atomic_load_explicit(&ring->filled, memory_order_acquire) == b)
            sched_yield();
        for (size_t i = 0; i < BATCH; i++, number++) {
            struct message *message = ring->batches[b % BATCHES][i];
            uint64_t last;
            memcpy(&last, (char *)message + message->size - sizeof last, sizeof last);
            if (message->number != number ||
                (message->size > sizeof *message + 8 && last != number))
                workload_damaged(message, message->size);
            free(message);
        }
        atomic_store_explicit(&ring->emptied, b + 1, memory_order_release);
    }
}

static void take_part(size_t index)
{
    if (index % 2 == 0)
        produce(&rings[index / 2], index + 1);
    else
        consume(&rings[index / 2]);
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "messages allocated by one thread and freed by another", parameters,
                   PARAMETERS);
    if (parameters[PAIRS].value > MOST_PAIRS)
        workload_fail("too many pairs");
    uint64_t start = clock_now();
    threads_run(2 * parameters[PAIRS].value, take_part);
    double all = (double)parameters[PAIRS].value * (double)batches() * BATCH;
    printf("messages_per_second=%.0f\n", all / ((double)(clock_now() - start) / 1e9));
    return 0;
}
