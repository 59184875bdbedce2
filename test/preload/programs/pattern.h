/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share: blocks filled with a pattern that depends on a seed, and
 * a look at whether it is still there. A block that is handed out twice, or loses a byte when it
 * moves, is noticed at the next look. Whatever goes wrong ends the program with a message.
 */

#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void give_up(const char *what)
{
    fprintf(stderr, "%s\n", what);
    _Exit(70);
}

static inline void expect(int truth, const char *what)
{
    if (!truth)
        give_up(what);
}

/* ptr itself, if it is a block that malloc may return, be it as small as 8 bytes. */
static inline void *got(void *ptr)
{
    expect(ptr != NULL, "no memory");
    expect(((uintptr_t)ptr & ((size_t)8 - 1)) == 0, "not aligned");
    return ptr;
}

static inline unsigned char pattern_at(size_t i, unsigned seed)
{
    return (unsigned char)(i * 7 + (i >> 8) + seed * 31 + 1);
}

static inline void fill(void *ptr, size_t size, unsigned seed)
{
    unsigned char *byte = (unsigned char *)ptr;
    for (size_t i = 0; i < size; i++)
        byte[i] = pattern_at(i, seed);
}

static inline void check(const void *ptr, size_t size, unsigned seed)
{
    const unsigned char *byte = (const unsigned char *)ptr;
    for (size_t i = 0; i < size; i++)
        expect(byte[i] == pattern_at(i, seed), "a block changed");
}

/* A new block of size bytes, filled; and its end. */
static inline void *filled(size_t size, unsigned seed)
{
    void *ptr = got(malloc(size));
    fill(ptr, size, seed);
    return ptr;
}

static inline void check_and_free(void *ptr, size_t size, unsigned seed)
{
    check(ptr, size, seed);
    free(ptr);
}

/* A small generator, one state for each user. */
static inline unsigned draw(unsigned *state, unsigned limit)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % limit;
}

/* A busy time: count times replaces one of 64 blocks by another of up to limit bytes. */
static inline void churn(unsigned seed, unsigned count, unsigned limit)
{
    void *ptr[64] = {0};
    size_t size[64] = {0};
    unsigned state = seed;
    for (unsigned n = 0; n < count; n++) {
        unsigned i = draw(&state, 64);
        if (ptr[i])
            check_and_free(ptr[i], size[i], seed + i);
        size[i] = draw(&state, limit);
        ptr[i] = filled(size[i], seed + i);
    }
    for (unsigned i = 0; i < 64; i++)
        if (ptr[i])
            check_and_free(ptr[i], size[i], seed + i);
}
