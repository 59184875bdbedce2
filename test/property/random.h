/* SPDX-License-Identifier: MIT */
/*
 * Seeded random numbers for the tests: splitmix64 (Steele, Lea, Flood 2014). Every test that draws
 * numbers draws them here, so that a seed on a failure line is all that is needed to see it again.
 * One generator belongs to one thread.
 */
#ifndef TEST_PROPERTY_RANDOM_H
#define TEST_PROPERTY_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Two seeds that differ by one give unrelated sequences: the seed itself is mixed once. */
static inline struct random random_seeded(uint64_t seed, uint64_t stream)
{
    struct random random = {seed ^ (stream * 0xD1B54A32D192ED03u)};

    random.state = random_next(&random);
    return random;
}

/* 0 .. bound-1; the bias is below 2^-32 for the bounds used here. */
static inline size_t random_below(struct random *random, size_t bound)
{
    return (size_t)(((random_next(random) >> 32) * (uint64_t)bound) >> 32);
}

static inline size_t random_between(struct random *random, size_t low, size_t high)
{
    return low + random_below(random, high - low + 1);
}

static inline bool random_percent(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

/* Log-uniform: each power of two from 2^low to 2^high is as likely as the next. */
static inline size_t random_log_uniform(struct random *random, unsigned low, unsigned high)
{
    unsigned power = (unsigned)random_between(random, low, high - 1);

    return random_between(random, (size_t)1 << power, ((size_t)2 << power) - 1);
}

#endif
