/* SPDX-License-Identifier: MIT */
/*
 * The store of a cached pool: chunks from the source, and a bit for each block that is in the store.
 * All of it under the lock of whoever has the store, but cairn__store_owns.
 *
 * Invariants:
 *     total = sum of blocks over chunks <= max_blocks
 *     stored = sum of stored over chunks; of a chunk, the number of its bits
 *     no bit of a chunk lies in a word before `low`
 *     sizes[i], starts[i]: of chunks[i]; sizes[i] 0 if there is none
 *     chunks[i] is NULL for i >= slots
 */
#ifndef CAIRN_KIT_CACHED_STORE_H
#define CAIRN_KIT_CACHED_STORE_H

#include <stdatomic.h>

#include "cairn/allocator.h"

#include "base/divide.h"

enum { STORE_CHUNKS = 64 };

struct store_chunk {
    char *start;
    size_t bytes; /* of blocks: blocks * stride < 2^32 */
    uint32_t blocks;
    uint32_t stored;
    uint32_t low;
    cairn_layout layout; /* of all of it, as the source knows it */
    uint64_t bits[];     /* (blocks + 63) / 64 words; a set bit: the block is here */
};

struct store {
    /* set once */
    cairn_allocator source;
    size_t size; /* bytes of a block that are its user's */
    size_t align;
    size_t stride; /* a multiple of 8, from block to block */
    struct divisor by_stride;
    size_t first_blocks;
    size_t max_blocks; /* SIZE_MAX: no bound */
    bool is_watched;

    size_t total;
    size_t stored;
    size_t bytes; /* of the source's, this store's and its owner's */
    size_t source_calls;
    size_t refused;
    struct store_chunk *chunks[STORE_CHUNKS]; /* NULL: none */

    /* For those without the lock. */
    _Atomic uintptr_t starts[STORE_CHUNKS];
    _Atomic size_t sizes[STORE_CHUNKS];
    _Atomic uint32_t slots; /* most that were in use */
};

/* The store is all zero, but for its source and is_watched. False: no such blocks. */
bool cairn__store_init(struct store *store, cairn_layout block, size_t first_blocks,
                       size_t max_blocks);
/* All chunks go back, whatever is in them. */
void cairn__store_fini(struct store *store);

/* Of the source, for its owner's own needs; counted in bytes. NULL: no memory. */
void *cairn__store_alloc(struct store *store, cairn_layout layout);
void cairn__store_dealloc(struct store *store, void *ptr, cairn_layout layout);

/* One more chunk of `blocks`, or a half, a quarter ... of that. False: none could be had. */
bool cairn__store_grow(struct store *store, size_t blocks);

/* Up to n blocks, those of the lowest address last; how many. Never grows. */
size_t cairn__store_take(struct store *store, void **blocks, size_t n);

/* Those that are no blocks, or are here already, are counted and left out. */
void cairn__store_give(struct store *store, void *const *blocks, size_t n);

/* Whether there is a block at ptr, and it is not in the store. If not, that is counted. */
bool cairn__store_lacks(struct store *store, const void *ptr);

/* Chunks with all their blocks in the store go back to the source. */
void cairn__store_trim(struct store *store);

/* Whether ptr lies in a chunk. Without the lock; right for a block that is in use. */
bool cairn__store_owns(const struct store *store, const void *ptr);

/*
 * For audits: counts a block in for the time being, and takes it out again. False: it is none, or
 * is here already.
 */
bool cairn__store_mark(struct store *store, const void *ptr);
void cairn__store_unmark(struct store *store, const void *ptr);

const char *cairn__store_audit(const struct store *store);
bool cairn__store_visit(const struct store *store, cairn_visitor *visitor, void *context);

#endif
