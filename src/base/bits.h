/* SPDX-License-Identifier: MIT */
/* Arithmetic on sizes, powers of two and 32-bit masks. All pure, all total on the stated domain. */
#ifndef CAIRN_BASE_BITS_H
#define CAIRN_BASE_BITS_H

#include "base/config.h"

static inline bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* align: a power of two. May wrap: callers bound x first. */
static inline size_t round_up(size_t x, size_t align)
{
    return (x + align - 1) & ~(align - 1);
}

static inline size_t round_down(size_t x, size_t align)
{
    return x & ~(align - 1);
}

static inline bool is_aligned(uintptr_t x, size_t align)
{
    return (x & (align - 1)) == 0;
}

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Index of the highest set bit; x != 0. */
static inline unsigned log2_floor(size_t x)
{
    return (unsigned)(63 - __builtin_clzll((unsigned long long)x));
}

/* The largest power of two that is not above x; x != 0. */
static inline size_t power_of_two_below(size_t x)
{
    return (size_t)1 << log2_floor(x);
}

/* Index of the lowest set bit; x != 0. */
static inline unsigned lowest_bit(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

/* n ones from bit `at` upwards; n + at <= 32. */
static inline uint32_t mask32(unsigned at, unsigned n)
{
    return n == 32 ? UINT32_MAX : (uint32_t)(((1u << n) - 1u) << at);
}

/*
 * How many ones. By hand, because without a machine instruction that is sure to be there the compiler
 * calls a function (Hacker's Delight, 2nd ed., figure 5-2).
 */
static inline unsigned count_ones(uint32_t x)
{
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    return ((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

/*
 * Bits at which a run of n ones begins. Doubling shifts: after each step a set bit means that a run
 * of `have` ones begins there (Hacker's Delight, 2nd ed., section 6-2). 1 <= n <= 32.
 */
static inline uint32_t runs_of(uint32_t mask, unsigned n)
{
    unsigned have = 1;
    while (have < n && mask != 0) {
        unsigned step = have < n - have ? have : n - have;
        mask &= mask >> step;
        have += step;
    }
    return mask;
}

/*
 * Length of the longest run of ones, by binary search: with the starts of all runs of `length` and of
 * `step` at hand, one shift and one mask tell whether there is a run of `length + step`.
 */
static inline unsigned longest_run(uint32_t mask)
{
    if (mask == UINT32_MAX)
        return 32;
    uint32_t runs[5] = {mask}; /* starts of runs of 1, 2, 4, 8, 16 */
    for (unsigned i = 1; i < 5; i++)
        runs[i] = runs[i - 1] & runs[i - 1] >> (1u << (i - 1));
    unsigned length = 0;
    uint32_t starts = UINT32_MAX;
    for (unsigned i = 5; i-- > 0;) {
        uint32_t longer = starts & runs[i] >> length;
        if (longer != 0) {
            starts = longer;
            length += 1u << i;
        }
    }
    return length;
}

#endif
