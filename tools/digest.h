/* SPDX-License-Identifier: MIT */
/*
 * A 64-bit digest of a stream, to tell whether two outputs are the same: Yann Collet's XXH64
 * (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), seed 0, written from its
 * specification. It is fast, so that reading a program's output does not hold the program up; it is
 * no protection against an adversary. The digest does not depend on how the stream was cut.
 */
#ifndef CAIRN_TOOLS_DIGEST_H
#define CAIRN_TOOLS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BLOCK = 32 };

struct digest {
    uint64_t lanes[4];
    uint64_t length;                  /* bytes seen so far */
    unsigned char held[DIGEST_BLOCK]; /* the length % DIGEST_BLOCK last of them */
};

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
uint64_t digest_value(const struct digest *digest);

#endif
