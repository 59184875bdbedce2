/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that nobody can foresee who does not know the key: ChaCha with 8 rounds (D. J.
 * Bernstein, ChaCha, a variant of Salsa20, 2008), 64 bytes at a time. A generator is one thread's, or
 * under its holder's lock. What was given is erased, and every 4 KiB the key is replaced by what the old
 * one draws: whoever reads a generator learns of what it gave at most that much (fast key erasure).
 */
#ifndef CAIRN_BASE_RANDOM_H
#define CAIRN_BASE_RANDOM_H

#include "base/config.h"

struct random {
    uint32_t key[8];
    uint64_t blocks;    /* drawn so far */
    uint16_t pairs[32]; /* of bytes; those not yet given are the first ones, */
    uint32_t left;      /* so many bytes */
};

void cairn__random_start(struct random *random, const uint32_t key[8]);

/* One block of the key stream, 16 words; the nonce is zero. */
void cairn__chacha8(const uint32_t key[8], uint64_t counter, uint32_t out[16]);

/* Draws the next bytes. */
void cairn__random_fill(struct random *random);

static inline uint16_t random_16(struct random *random)
{
    if (UNLIKELY(random->left < 2))
        cairn__random_fill(random);
    random->left -= 2;
    uint16_t *at = &random->pairs[random->left / 2], value = *at;
    *at = 0;
    return value;
}

static inline uint64_t random_64(struct random *random)
{
    uint64_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 16 | random_16(random);
    return value;
}

/* Less than `bound`, which is at most 2^16; uneven by less than bound / 2^16. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)random_16(random) * bound >> 16;
}

#endif
