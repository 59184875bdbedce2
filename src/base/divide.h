/* SPDX-License-Identifier: MIT */
/*
 * Many divisions by one number that is known only at run time, each a multiplication: for n < 2^32
 * and 2 <= d < 2^32, n / d == n * (floor((2^64 - 1) / d) + 1) >> 64 (D. Lemire, O. Kaser, N. Kurz,
 * Faster Remainder by Direct Computation, 2019, theorem 1).
 */
#ifndef CAIRN_BASE_DIVIDE_H
#define CAIRN_BASE_DIVIDE_H

#include "base/config.h"

struct divisor {
    uint64_t factor;
};

static inline struct divisor divisor_of(uint32_t d)
{
    return (struct divisor){UINT64_MAX / d + 1};
}

/* The upper half of a product of 64 and 32 bits, from two of 32 and 32: neither sum wraps. */
static inline uint32_t divide(uint32_t n, struct divisor by)
{
    uint64_t low = (by.factor & UINT32_MAX) * n;
    uint64_t high = (by.factor >> 32) * n;
    return (uint32_t)((high + (low >> 32)) >> 32);
}

#endif
