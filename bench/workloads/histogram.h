/* SPDX-License-Identifier: MIT */
/*
 * A histogram of durations with a bounded relative error, in static memory: bins as HdrHistogram (G.
 * Tene) lays them out. Below 32 each value has its own bin; above, each doubling has 32 bins, so that
 * a bin is at most 1/32 of its values wide. A quantile is told as the greatest value of its bin, but
 * never more than the worst value seen.
 */
#ifndef CAIRN_BENCH_HISTOGRAM_H
#define CAIRN_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_BITS = 5,
    HISTOGRAM_PER_DOUBLING = 1 << HISTOGRAM_BITS,
    HISTOGRAM_BINS = (64 - HISTOGRAM_BITS + 1) * HISTOGRAM_PER_DOUBLING,
};

struct histogram {
    uint64_t bins[HISTOGRAM_BINS];
    uint64_t count, worst;
};

static inline size_t histogram_bin(uint64_t value)
{
    if (value < HISTOGRAM_PER_DOUBLING)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
    return (size_t)(shift * HISTOGRAM_PER_DOUBLING + (value >> shift));
}

/* The greatest value that belongs to the bin. */
static inline uint64_t histogram_bin_end(size_t bin)
{
    if (bin < 2 * HISTOGRAM_PER_DOUBLING)
        return bin;
    unsigned shift = (unsigned)(bin / HISTOGRAM_PER_DOUBLING) - 1;
    uint64_t first = (uint64_t)(bin % HISTOGRAM_PER_DOUBLING + HISTOGRAM_PER_DOUBLING);
    return (first << shift) + (((uint64_t)1 << shift) - 1);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->bins[histogram_bin(value)]++;
    histogram->count++;
    if (value > histogram->worst)
        histogram->worst = value;
}

static inline void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BINS; i++)
        into->bins[i] += from->bins[i];
    into->count += from->count;
    if (from->worst > into->worst)
        into->worst = from->worst;
}

/* The smallest value that at least `part` (0 to 1) of all are not above. 0 of an empty one. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double part)
{
    double wanted = part * (double)histogram->count;
    uint64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_BINS; i++) {
        seen += histogram->bins[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t end = histogram_bin_end(i);
            return end < histogram->worst ? end : histogram->worst;
        }
    }
    return histogram->worst;
}

#endif
