/* SPDX-License-Identifier: MIT */
/* See random.h. */
#include "base/random.h"

#include "base/memory.h"

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

void cairn__chacha8(const uint32_t key[8], uint64_t counter, uint32_t out[16])
{
    const uint32_t in[16] = {
        0x61707865,
        0x3320646e,
        0x79622d32,
        0x6b206574, /* "expand 32-byte k" */
        key[0],
        key[1],
        key[2],
        key[3],
        key[4],
        key[5],
        key[6],
        key[7],
        (uint32_t)counter,
        (uint32_t)(counter >> 32),
        0,
        0,
    };
    uint32_t x[16];
    memcpy(x, in, sizeof x);
    for (int round = 0; round < 8; round += 2) {
        for (int i = 0; i < 4; i++)
            quarter_round(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
        for (int i = 0; i < 4; i++)
            quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
    }
    for (int i = 0; i < 16; i++)
        out[i] = x[i] + in[i];
}

void cairn__random_start(struct random *random, const uint32_t key[8])
{
    memcpy(random->key, key, sizeof random->key);
    random->blocks = 0;
    random->left = 0;
}

void cairn__random_fill(struct random *random)
{
    enum { BLOCKS_A_KEY = 64 };
    uint32_t block[16];
    if (random->blocks++ % BLOCKS_A_KEY == 0) {
        cairn__chacha8(random->key, UINT64_MAX, block);
        memcpy(random->key, block, sizeof random->key);
    }
    cairn__chacha8(random->key, random->blocks, block);
    memcpy(random->bytes, block, sizeof block);
    random->left = sizeof block;
}
