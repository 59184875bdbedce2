/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
 * number generators", OOPSLA 2014). The same seed gives the same numbers on every machine.
 */
#ifndef CAIRN_TOOLS_RANDOM_H
#define CAIRN_TOOLS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state; /* the seed at first */
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to count - 1; count is not 0. The bias is below count / 2^64. */
static inline uint64_t random_below(struct random *random, uint64_t count)
{
    return (uint64_t)((unsigned __int128)random_next(random) * count >> 64);
}

/* from to to, both with. */
static inline uint64_t random_between(struct random *random, uint64_t from, uint64_t to)
{
    return from + random_below(random, to - from + 1);
}

/* Fills `order` with 0 to count - 1, shuffled (Fisher and Yates). */
static inline void random_order(struct random *random, size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)(random_next(random) % i), held = order[i - 1];
        order[i - 1] = order[other];
        order[other] = held;
    }
}

#endif
