/* SPDX-License-Identifier: MIT */
/*
 * Division for allocators. On slow paths of what also runs on processors that cannot divide: shift
 * and subtract, a bit of the quotient a round, where the compiler would call a function that a
 * freestanding program need not have. And exact division, of a multiple by its divisor, by
 * multiplying with the divisor's inverse modulo the word (Granlund and Montgomery, Division by
 * Invariant Integers using Multiplication, 1994, section 9).
 */
#ifndef CAIRN_BASE_QUOTIENT_H
#define CAIRN_BASE_QUOTIENT_H

#include <stddef.h>
#include <stdint.h>

/* a / b, rounded down; b != 0. */
static inline size_t quotient(size_t a, size_t b)
{
#ifndef CAIRN_FREESTANDING
    return a / b;
#else
    size_t result = 0, bit = 1;
    while (b <= a >> 1) {
        b <<= 1;
        bit <<= 1;
    }
    for (; bit != 0; bit >>= 1, b >>= 1)
        if (a >= b) {
            a -= b;
            result |= bit;
        }
    return result;
#endif
}

/* Such that a multiple of the divisor, shifted right by *shift, times this, is the quotient. */
static inline uintptr_t exact_inverse(size_t divisor, unsigned char *shift)
{
    for (*shift = 0; (divisor & 1) == 0; divisor >>= 1)
        ++*shift;
    uintptr_t inverse = divisor; /* right in 3 bits; each round doubles them */
    for (unsigned bits = 3; bits < 8 * sizeof inverse; bits *= 2)
        inverse *= 2 - divisor * inverse;
    return inverse;
}

/* offset / divisor if there is no remainder and it is below `bound`; else bound. bound * divisor must
 * not wrap. */
static inline size_t exact_quotient(uintptr_t offset, size_t divisor, uintptr_t inverse,
                                    unsigned char shift, size_t bound)
{
    size_t result = (size_t)((offset >> shift) * inverse);
    return result < bound && result * divisor == offset ? result : bound;
}

#endif
