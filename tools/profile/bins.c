/* SPDX-License-Identifier: MIT */
/*
 * Log-linear bins, as of G. Tene's HdrHistogram: each doubling is cut into equal parts, so that a
 * bin is never wider than an eighth of where it begins, over all of 64 bits, and the bin of a value
 * is found by its highest bits alone.
 */
#include "profile/profile.h"

enum { EXACT = 16, EXACT_BITS = 4, PARTS = 8, PART_BITS = 3 };

unsigned profile_bin(uint64_t value)
{
    if (value < EXACT)
        return (unsigned)value;
    unsigned highest = 63 - (unsigned)__builtin_clzll(value);
    unsigned part = (unsigned)(value >> (highest - PART_BITS)) & (PARTS - 1);
    return EXACT + (highest - EXACT_BITS) * PARTS + part;
}

uint64_t profile_bin_from(unsigned bin)
{
    if (bin < EXACT)
        return bin;
    unsigned highest = (bin - EXACT) / PARTS + EXACT_BITS;
    uint64_t part = (bin - EXACT) % PARTS;
    return highest > 63 ? UINT64_MAX : (PARTS + part) << (highest - PART_BITS);
}
