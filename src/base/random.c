/* SPDX-License-Identifier: MIT */
/* See random.h. */
#include "base/random.h"

#include "base/memory.h"

/* A row of the matrix. */
typedef uint32_t row __attribute__((vector_size(16)));

static inline row rotate(row x, unsigned by)
{
    return x << by | x >> (32 - by);
}

#define TURN(x, a, b, c, d) __builtin_shufflevector(x, x, a, b, c, d)

/* Four quarter rounds, one a column. */
static inline void quarter_rounds(row *a, row *b, row *c, row *d)
{
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

void cairn__chacha8(const uint32_t key[8], uint64_t counter, uint32_t out[16])
{
    const row in[4] = {
        {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, /* "expand 32-byte k" */
        {key[0], key[1], key[2], key[3]},
        {key[4], key[5], key[6], key[7]},
        {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0},
    };
    row a = in[0], b = in[1], c = in[2], d = in[3];
    for (int round = 0; round < 8; round += 2) {
        quarter_rounds(&a, &b, &c, &d);
        b = TURN(b, 1, 2, 3, 0), c = TURN(c, 2, 3, 0, 1), d = TURN(d, 3, 0, 1, 2);
        quarter_rounds(&a, &b, &c, &d); /* of the diagonals */
        b = TURN(b, 3, 0, 1, 2), c = TURN(c, 2, 3, 0, 1), d = TURN(d, 1, 2, 3, 0);
    }
    const row sum[4] = {a + in[0], b + in[1], c + in[2], d + in[3]};
    memcpy(out, sum, sizeof sum);
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
    memcpy(random->pairs, block, sizeof block);
    random->left = sizeof block;
}
