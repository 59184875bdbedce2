/* SPDX-License-Identifier: MIT */
/*
 * The highest and the lowest set bit of a word, in as many instructions as the processor needs.
 * Where it has one for it, the compiler's builtin; elsewhere (ARMv6-M, RISC-V without Zbb) the
 * builtin would be a call of a library function that a freestanding program need not have, so it is
 * a binary search by hand (Hacker's Delight, 2nd ed., section 5-3): six steps at most.
 */
#ifndef CAIRN_BASE_SCAN_H
#define CAIRN_BASE_SCAN_H

#include <stddef.h>

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) ||                            \
    defined(__ARM_FEATURE_CLZ) || defined(__riscv_zbb)
#define SCAN_IN_HARDWARE 1
#else
#define SCAN_IN_HARDWARE 0
#endif

static inline unsigned highest_bit_by_hand(size_t x)
{
    unsigned at = 0;
    for (unsigned step = sizeof x * __CHAR_BIT__ / 2; step != 0; step /= 2)
        if (x >> step != 0) {
            x >>= step;
            at += step;
        }
    return at;
}

/* Its index, 0 the lowest; x != 0. */
static inline unsigned highest_bit(size_t x)
{
    if (!SCAN_IN_HARDWARE)
        return highest_bit_by_hand(x);
    return sizeof x == sizeof(unsigned) ? 31u - (unsigned)__builtin_clz((unsigned)x)
                                        : 63u - (unsigned)__builtin_clzll(x);
}

/* Its index, of 32 bits; x != 0. */
static inline unsigned lowest_bit32(unsigned x)
{
    return SCAN_IN_HARDWARE ? (unsigned)__builtin_ctz(x) : highest_bit_by_hand(x & (0u - x));
}

#endif
