/* SPDX-License-Identifier: MIT */
/*
 * Latency: how long single calls take, not how long they take on average. Two threads work on sets
 * of live blocks of mixed sizes; now and then a block is large, and some blocks are freed by the
 * other thread. Each malloc and each free is timed by itself, with the processor's time-stamp counter
 * where there is one, else with the clock; the cost of reading it is measured first and subtracted.
 * Times go into histograms in static memory. What is seen beyond some microseconds is the slow
 * paths, the kernel's part, and the other programs of the machine, so compare it in the same run.
 */
#include "histogram.h"
#include "workload.h"

#include <stdatomic.h>
#include <stdio.h>

enum { THREADS, LIVE, PAIRS, PARAMETERS };
static struct parameter parameters[] = {
    [THREADS] = {"threads", 2, 2, 2},
    [LIVE] = {"live", 20000, 20000, 100},
    [PAIRS] = {"pairs", 3000000, 500000, 3000},
};

enum { MOST = 16, EXCHANGE = 256 };

struct slot {
    void *block;
    size_t size;
};

static struct histogram mallocs[MOST], frees[MOST];
static _Atomic(void *) exchange[EXCHANGE]; /* blocks on their way to another thread */
static uint64_t overhead;                  /* ticks of an empty measurement */

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
    unsigned processor;
    uint64_t now = __builtin_ia32_rdtscp(&processor);
    __builtin_ia32_lfence();
    return now;
#else
    return clock_now();
#endif
}

static size_t pick(struct random *random)
{
    size_t what = random_below(random, 1000);
    return what < 990   ? random_size(random)
           : what < 999 ? random_between(random, 3 << 10, 64 << 10)
                        : random_between(random, 64 << 10, 1 << 20);
}

static uint64_t passed(uint64_t start, uint64_t end)
{
    uint64_t all = end - start;
    return all > overhead ? all - overhead : 0;
}

static void timed_free(struct histogram *histogram, void *block)
{
    uint64_t start = ticks();
    free(block);
    histogram_add(histogram, passed(start, ticks()));
}

static void timed_malloc(struct histogram *histogram, struct slot *slot, size_t size)
{
    uint64_t start = ticks();
    slot->block = malloc(size);
    histogram_add(histogram, passed(start, ticks()));
    if (!slot->block)
        workload_fail("out of memory");
    slot->size = size;
    block_mark(slot->block, size, size);
}

static void work(size_t index)
{
    struct random random = random_from(index + 43);
    size_t count = parameters[LIVE].value;
    struct slot *slots = calloc(count, sizeof *slots);

    if (!slots)
        workload_fail("out of memory");
    for (unsigned long i = 0; i < parameters[PAIRS].value; i++) {
        struct slot *slot = &slots[random_below(&random, count)];
        void *block = slot->block;
        if (block)
            block_verify(block, slot->size, slot->size);
        if (i % 16 == 0) /* give this one away, and free what another has left */
            block = atomic_exchange(&exchange[random_below(&random, EXCHANGE)], block);
        if (block)
            timed_free(&frees[index], block);
        timed_malloc(&mallocs[index], slot, pick(&random));
    }
    for (size_t i = 0; i < count; i++)
        free(slots[i].block);
    free(slots);
}

static void measure_overhead(void)
{
    overhead = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t start = ticks(), all = ticks() - start;
        overhead = all < overhead ? all : overhead;
    }
}

static void print(const char *name, const struct histogram *histogram, double per_tick)
{
    static const struct {
        const char *name;
        double part;
    } quantiles[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};

    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        printf("%s_%s_ns=%.0f ", name, quantiles[i].name,
               (double)histogram_quantile(histogram, quantiles[i].part) * per_tick);
    printf("%s_worst_ns=%.0f", name, (double)histogram->worst * per_tick);
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "how long each malloc and free takes", parameters, PARAMETERS);
    size_t threads = parameters[THREADS].value;

    if (threads > MOST)
        workload_fail("too many threads");
    measure_overhead();
    uint64_t start = clock_now(), first = ticks();
    threads_run(threads, work);
    double per_tick = (double)(clock_now() - start) / (double)(ticks() - first);
    for (size_t i = 0; i < EXCHANGE; i++)
        free(exchange[i]);
    for (size_t i = 1; i < threads; i++) {
        histogram_merge(&mallocs[0], &mallocs[i]);
        histogram_merge(&frees[0], &frees[i]);
    }
    print("malloc", &mallocs[0], per_tick);
    putchar(' ');
    print("free", &frees[0], per_tick);
    putchar('\n');
    return 0;
}
