/* SPDX-License-Identifier: MIT */
/* XXH64 over a stream: see digest.h. The names of the steps are those of the specification. */
#include "digest.h"

#include <endian.h>
#include <string.h>

static const uint64_t prime1 = 0x9E3779B185EBCA87u, prime2 = 0xC2B2AE3D27D4EB4Fu,
                      prime3 = 0x165667B19E3779F9u, prime4 = 0x85EBCA77C2B2AE63u,
                      prime5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

static uint64_t half_word_at(const unsigned char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return le32toh(word);
}

static uint64_t round_of(uint64_t lane, uint64_t word)
{
    return rotate(lane + word * prime2, 31) * prime1;
}

static void add_block(struct digest *digest, const unsigned char *block)
{
    for (size_t i = 0; i < 4; i++)
        digest->lanes[i] = round_of(digest->lanes[i], word_at(block + 8 * i));
}

void digest_init(struct digest *digest)
{
    *digest = (struct digest){.lanes = {prime1 + prime2, prime2, 0, -prime1}};
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    size_t held = digest->length % DIGEST_BLOCK;

    digest->length += size;
    if (held > 0) {
        size_t missing = DIGEST_BLOCK - held < size ? DIGEST_BLOCK - held : size;
        memcpy(digest->held + held, at, missing);
        at += missing;
        size -= missing;
        if (held + missing < DIGEST_BLOCK)
            return;
        add_block(digest, digest->held);
    }
    for (; size >= DIGEST_BLOCK; at += DIGEST_BLOCK, size -= DIGEST_BLOCK)
        add_block(digest, at);
    memcpy(digest->held, at, size);
}

uint64_t digest_value(const struct digest *digest)
{
    const uint64_t *lanes = digest->lanes;
    const unsigned char *at = digest->held, *end = at + digest->length % DIGEST_BLOCK;
    uint64_t hash = prime5;

    if (digest->length >= DIGEST_BLOCK) {
        hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) +
               rotate(lanes[3], 18);
        for (size_t i = 0; i < 4; i++)
            hash = (hash ^ round_of(0, lanes[i])) * prime1 + prime4;
    }
    hash += digest->length;
    for (; end - at >= 8; at += 8)
        hash = rotate(hash ^ round_of(0, word_at(at)), 27) * prime1 + prime4;
    for (; end - at >= 4; at += 4)
        hash = rotate(hash ^ half_word_at(at) * prime1, 23) * prime2 + prime3;
    for (; at < end; at++)
        hash = rotate(hash ^ *at * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}
