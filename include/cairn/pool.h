/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. Blocks of one size: over a region that the caller has, or in chunks from a
 * source, each as large as all before it together, up to a maximum.
 *
 * What is given back goes on a list that runs through the blocks themselves and is handed out first,
 * the last one first; when the list is empty, the next block of the current chunk that was never
 * handed out. So no memory is touched before it is needed, and no block costs a header. This is the
 * storage pool of Knuth, The Art of Computer Programming, vol. 1, 2.2.3 (AVAIL and POOLMAX). alloc
 * and dealloc are O(1), a few instructions inline; alloc is O(log blocks) calls of the source in all.
 *
 * A block takes its size, at least a pointer's, rounded up to its alignment, at least a pointer's.
 * A chunk has a header of about 48 bytes. Blocks of a multiple of 1 KiB, if they may, lie a cache
 * line apart in chunks, so that they do not all begin in the same sets of the caches (Bonwick, The
 * Slab Allocator, 1994, section 4).
 *
 * What is promised to those who give back wrongly. A pool with `checked` knows a block that is free,
 * or is none of its own, at once: dealloc returns false and nothing has changed; that costs a bit a
 * block and O(log blocks) a call. Any other believes its caller; there, a block given back twice is
 * found by cairn_pool_audit as long as it has not been handed out again. Under AddressSanitizer and
 * memcheck a growing pool is always checked, and a use after dealloc, reset or fini is reported.
 *
 * Freestanding: yes, with a region or a source.
 */
#ifndef CAIRN_POOL_H
#define CAIRN_POOL_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_pool_opts {
    cairn_allocator source; /* {NULL, NULL}: cairn_system(); a freestanding pool must have one */
    size_t max_blocks;      /* in use and free together, no more than so many; 0: no bound */
    size_t
        first_chunk_size; /* bytes, for the first chunk; 0: 4 KiB, or of 8 blocks if that is more */
    size_t max_chunk_size; /* bytes; 0: 64 MiB. A chunk holds a block at least. */
    bool checked;          /* dealloc looks at what it is given */
} cairn_pool_opts;

/* Private, as are the fields of the pool. */
typedef struct cairn__pool_link {
    struct cairn__pool_link *next;
} __attribute__((__may_alias__)) cairn__pool_link;

typedef struct cairn__pool_stock {
    cairn__pool_link *free; /* blocks that were given back */
    char *next, *end;       /* of the current chunk, what was never handed out */
} cairn__pool_stock;

typedef struct cairn__pool_chunk {
    struct cairn__pool_chunk *next;
    char *start;
    size_t count;    /* blocks */
    size_t size;     /* as taken from the source; 0: the caller's region */
    uintptr_t *bits; /* one for each block that is in use; NULL: not checked */
} cairn__pool_chunk;

/* In the caller's storage. Not to be copied. */
typedef struct cairn_pool {
    cairn__pool_stock open; /* what the functions below see; empty if is_slow */
    size_t stride;          /* from a block to the next */
    bool is_slow;           /* all calls take the slow path: checked, watched, or ended */
    bool is_watched;
    bool is_checked;
    unsigned char shift;
    uintptr_t inverse;        /* with shift: to divide by stride */
    cairn__pool_stock closed; /* of a pool that is_slow */
    cairn__pool_chunk *current, *begun, *fresh;
    cairn__pool_chunk region;
    size_t block_size, block_align;
    size_t blocks, max_blocks; /* in all chunks */
    size_t held;               /* bytes of chunks from the source */
    size_t first_chunk_size, max_chunk_size;
    cairn_allocator source;
} cairn_pool;

/*
 * A pool of blocks of `block` that grows; opts NULL: the defaults. Takes no memory yet. False, and a
 * pool that gives nothing: block is not valid or takes more than an eighth of the address space, or
 * there is no source.
 */
bool cairn_pool_init(cairn_pool *pool, cairn_layout block, const cairn_pool_opts *opts);

/*
 * A pool over the region's `size` bytes, which may begin at any address. Of opts, max_blocks and
 * checked count; the bits of a checked pool are taken from the region's end. It has room for size /
 * (what a block takes) blocks, less one if the region is not aligned. False as above; also if not
 * one block fits.
 */
bool cairn_pool_init_fixed(cairn_pool *pool, cairn_layout block, void *region, size_t size,
                           const cairn_pool_opts *opts);

/* Gives all chunks back, with all blocks. After it, as after an init that was false: alloc is NULL,
 * dealloc false, fini and reset do nothing. O(chunks). */
void cairn_pool_fini(cairn_pool *pool);

void *cairn_pool_alloc_slow(cairn_pool *pool);
bool cairn_pool_dealloc_slow(cairn_pool *pool, void *ptr);

/* A block, its contents unspecified. NULL: max_blocks are in use, the region is full, or the source
 * has nothing left: not even for a chunk of one block, for it is asked again for half as much. */
static inline void *cairn_pool_alloc(cairn_pool *pool)
{
    cairn__pool_link *block = pool->open.free;
    if (__builtin_expect(block != NULL, 1)) {
        pool->open.free = block->next;
        return block;
    }
    char *next = pool->open.next;
    if (__builtin_expect(next != pool->open.end, 1)) {
        pool->open.next = next + pool->stride;
        return next;
    }
    return cairn_pool_alloc_slow(pool);
}

/* Ends a block of this pool. NULL does nothing, and is true. False: see `checked` above. */
static inline bool cairn_pool_dealloc(cairn_pool *pool, void *ptr)
{
    if (__builtin_expect(ptr == NULL || pool->is_slow, 0))
        return cairn_pool_dealloc_slow(pool, ptr);
    cairn__pool_link *block = (cairn__pool_link *)ptr;
    block->next = pool->open.free;
    pool->open.free = block;
    return true;
}

/* Ends all blocks, keeps all chunks. O(chunks). */
void cairn_pool_reset(cairn_pool *pool);

/* Makes sure that the next `count` allocs need nothing from the source. False: max_blocks is in the
 * way, or the source failed; what it gave stays. O(log count) calls of the source. */
bool cairn_pool_reserve(cairn_pool *pool, size_t count);

/* Gives the chunks that have no block in use to the source. Returns bytes given. Puts free blocks in
 * the order of their addresses. O(f log f) for f free blocks. */
size_t cairn_pool_trim(cairn_pool *pool);

/* True if ptr is the start of a block that has been handed out since the pool began or was reset;
 * of a checked pool: of a block in use. Any ptr may be asked about. O(chunks). */
bool cairn_pool_owns(const cairn_pool *pool, const void *ptr);

/* Blocks in all chunks: O(1). Blocks in use: O(free ones). */
size_t cairn_pool_capacity(const cairn_pool *pool);
size_t cairn_pool_live(const cairn_pool *pool);

/* Any layout of at most the block's size and alignment gets a block, others NULL. A realloc stays
 * where it is, or fails. owns: as above. */
cairn_allocator cairn_pool_allocator(cairn_pool *pool);

/*
 * Calls visitor for each block, of the size given at init: in use, or free; by address within a
 * chunk; what was never handed out is one gap. False: it stopped the walk. Reorders the list of free
 * blocks, as trim does; the pool must be sound. O(blocks + f log f).
 */
bool cairn_pool_visit(const cairn_pool *pool, cairn_visitor *visitor, void *context);

/* NULL, or what is wrong: with the chunks, with the list of free blocks (one that is on it twice, or
 * was written to), with the bits. O(chunks * free blocks) at worst. */
const char *cairn_pool_audit(const cairn_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
