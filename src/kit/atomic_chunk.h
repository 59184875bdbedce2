/* SPDX-License-Identifier: MIT */
/*
 * A chunk of an atomic pool: its blocks, and which of them are free. Any thread, lock-free.
 *
 * The blocks come first, then this struct, the groups and the tree. Level 0 of the tree has a bit
 * for each group, level l + 1 one for each word of level l; the last level is one word. A set bit
 * means: there may be free blocks below. So taking the last free block of a group writes to no
 * other word, and a search that finds a bit for nothing clears it.
 *
 * Invariant, while nobody is in a call:
 *     a group's word or a word of the tree is not 0  =>  its bit in the level above is set.
 * While threads are in calls, one of them may be about to set that bit. It cannot get lost between
 * the two: who makes a word not 0 looks at its bit afterwards (chunk_release, announce), and who
 * clears a bit looks at the word afterwards (retire). All four are sequentially consistent, so one
 * of the two sees what the other did.
 */
#ifndef CAIRN_KIT_ATOMIC_CHUNK_H
#define CAIRN_KIT_ATOMIC_CHUNK_H

#include <stdatomic.h>

#include "cairn/allocator.h"

#include "base/bits.h"

enum {
    GROUP_BLOCKS = 64,
    LEVELS = 4, /* (2^32 / 8) / 64 groups are 2^23, and 64^4 is 2^24 */
};

struct chunk;

/* 64 blocks; the last of a chunk may have fewer. */
struct group {
    _Atomic uint64_t free; /* bit i: block i */
    char *start;           /* of block 0 */
    struct chunk *chunk;
} ALIGNED(64);

/* All set once, before others can see it. */
struct chunk {
    char *start;
    size_t bytes; /* of blocks: blocks * stride < 2^32 */
    size_t stride;
    uint32_t blocks;
    uint32_t group_count; /* blocks / 64, rounded up */
    unsigned levels;      /* in use: 1 to LEVELS */
    uint32_t bits[LEVELS];
    struct group *groups;
    _Atomic uint64_t *tree[LEVELS];
    cairn_layout layout; /* of all of it, as the source knows it */
};

/* All blocks free. NULL: the source has no memory. blocks * stride < 2^32; stride: at least 8. */
struct chunk *cairn__chunk_create(cairn_allocator source, uint32_t blocks, size_t stride,
                                  size_t align);
void cairn__chunk_destroy(struct chunk *chunk, cairn_allocator source);

/*
 * A group that had free blocks a moment ago, by way of the tree: the first from `from` on, and then
 * from 0 on, that has plenty of them, or the best of the first few. If that one is hardly used, and
 * one near `home` has plenty, too, it is that: blocks are kept together. NULL: none was seen.
 */
struct group *cairn__chunk_search(struct chunk *chunk, uint32_t from, uint32_t home);

/* The same, reading every group instead of the tree. */
struct group *cairn__chunk_look_at_all(struct chunk *chunk);

/* A group's word is not 0 any more, but its bit was not set. */
void cairn__chunk_announce(struct chunk *chunk, uint32_t group);

size_t cairn__chunk_count_free(const struct chunk *chunk);
const char *cairn__chunk_audit(const struct chunk *chunk);

static inline unsigned count_ones64(uint64_t x)
{
    return count_ones((uint32_t)x) + count_ones((uint32_t)(x >> 32));
}

/* Takes one block; NULL: none is free. */
static inline void *group_take(struct group *group, size_t stride)
{
    uint64_t free = atomic_load_explicit(&group->free, memory_order_relaxed);
    while (free != 0)
        /* Acquire: the block's last user released it by the or of chunk_release. */
        if (LIKELY(atomic_compare_exchange_weak_explicit(&group->free, &free, free & (free - 1),
                                                         memory_order_acquire,
                                                         memory_order_relaxed)))
            return group->start + lowest_bit(free) * stride;
    return NULL;
}

/* Gives back the blocks of a group whose bits are set; the bits of those that were free already. */
static inline uint64_t chunk_release(struct chunk *chunk, uint32_t group, uint64_t bits)
{
    uint64_t before = atomic_fetch_or_explicit(&chunk->groups[group].free, bits,
                                               memory_order_seq_cst);
    uint64_t word = atomic_load_explicit(&chunk->tree[0][group / 64], memory_order_seq_cst);
    if (UNLIKELY((word >> group % 64 & 1) == 0))
        cairn__chunk_announce(chunk, group);
    return before & bits;
}

#endif
