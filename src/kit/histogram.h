/* SPDX-License-Identifier: MIT */
/*
 * Log-linear buckets (G. Tene, HdrHistogram, 2012): values below 2^HISTOGRAM_BITS have a bucket
 * each; from there on each power of two is cut into 2^HISTOGRAM_BITS equal parts. So a bucket is at
 * most 1/2^HISTOGRAM_BITS as wide as its values are large:
 *     histogram_from(i) <= value <= histogram_to(i)   for i = histogram_bucket(value)
 *     histogram_to(i) + 1 = histogram_from(i + 1)
 * Values of 2^HISTOGRAM_MAX_LOG2 and more count in the last one, which has no end.
 */
#ifndef CAIRN_KIT_HISTOGRAM_H
#define CAIRN_KIT_HISTOGRAM_H

#include "base/bits.h"

enum {
    HISTOGRAM_BITS = 5,
    HISTOGRAM_MAX_LOG2 = 40,
    HISTOGRAM_PARTS = 1 << HISTOGRAM_BITS,
    HISTOGRAM_BUCKETS = (HISTOGRAM_MAX_LOG2 - HISTOGRAM_BITS + 1) * HISTOGRAM_PARTS
};

static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_PARTS)
        return (unsigned)value;
    if (value >> HISTOGRAM_MAX_LOG2 != 0)
        return HISTOGRAM_BUCKETS - 1;
    unsigned log2 = 63 - (unsigned)__builtin_clzll(value);
    unsigned shift = log2 - HISTOGRAM_BITS;
    return shift * HISTOGRAM_PARTS + (unsigned)(value >> shift);
}

static inline uint64_t histogram_from(unsigned bucket)
{
    if (bucket < HISTOGRAM_PARTS)
        return bucket;
    unsigned shift = bucket / HISTOGRAM_PARTS - 1;
    return (uint64_t)(bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS) << shift;
}

static inline uint64_t histogram_to(unsigned bucket)
{
    return bucket >= HISTOGRAM_BUCKETS - 1 ? UINT64_MAX : histogram_from(bucket + 1) - 1;
}

#endif
