/* SPDX-License-Identifier: MIT */
/*
 * Any thread, and signal handlers as said below. Equal blocks; alloc and dealloc are lock-free.
 *
 * A chunk of memory is cut into blocks, and these into groups of 64. A group's free blocks are the
 * ones of a 64-bit word that has a cache line to itself: alloc takes the lowest one by a compare and
 * swap, dealloc sets it again by one atomic or. Each processor prefers groups of its own, so threads
 * that run at the same time write to different lines and get blocks that lie apart. A tree of
 * bitmaps tells which groups may have free blocks, and is written when a group becomes empty or
 * ceases to be.
 *
 * ABA: a free list must not swing its head to a link that was read before others popped and pushed
 * the same block. Here is no link. A compare and swap of a group's word compares all that it
 * depends on: if bit i is set in the word, block i is free at that moment, whatever happened before.
 * Nothing is ever written into a free block, and a chunk stays until the pool ends, so no thread can
 * look at memory that is gone.
 *
 * Cost: one atomic operation each for alloc and dealloc; a batch, one for up to 64 blocks. A search
 * for another group, about every 16 to 64 blocks, reads a few words. Memory: a byte a block, 768
 * bytes a pool and 128 a processor. Blocks are multiples of 8 bytes apart.
 *
 * Growth: chunks come from the source, as large as all before together, under a lock: then, and only
 * then, an alloc may wait, and no block is free. The source is called by one thread at a time.
 *
 * NULL from alloc means: for a moment all blocks were in use, and no more could be had. In detail: a
 * pool of n blocks never runs out as long as no more than n are held, counting those whose alloc or
 * dealloc is under way.
 *
 * Bad pointers: dealloc of what is no block of this pool, of an address inside a block, and of a
 * block that is free already does nothing and says so. A block freed twice, and given out in
 * between, cannot be told from a block freed once.
 *
 * Signal handlers may call alloc and dealloc of a pool that does not grow (first_blocks ==
 * max_blocks). The child of a fork may go on with its copy; see cairn_atomic_pool_before_fork.
 */
#ifndef CAIRN_ATOMIC_POOL_H
#define CAIRN_ATOMIC_POOL_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_atomic_pool cairn_atomic_pool;

typedef struct cairn_atomic_pool_opts {
    cairn_allocator source; /* {NULL, NULL}: cairn_system(). It must outlive the pool. */
    size_t first_blocks;    /* taken by create; 0: what 64 KiB hold, but 8 or more */
    size_t max_blocks;      /* 0: no bound but the source's; else never more than this */
} cairn_atomic_pool_opts;

/*
 * A pool of blocks of block.size bytes (0 counts as 1) at multiples of block.align. opts NULL: all
 * defaults; a max_blocks below first_blocks bounds that, too. NULL: no memory, the layout is not
 * valid, or its size, padded, is above 1 GiB. O(first_blocks / 64).
 */
cairn_atomic_pool *cairn_atomic_pool_create(cairn_layout block, const cairn_atomic_pool_opts *opts);

/* Gives everything back, blocks in use too. Nobody may use the pool any more. NULL does nothing.
 * O(chunks). */
void cairn_atomic_pool_destroy(cairn_atomic_pool *pool);

/*
 * A block, its contents unspecified; NULL: out of memory. O(1) while the processor's group has free
 * blocks, else O(log blocks + chunks); once each time that blocks run out, O(blocks / 64). There are
 * 64 chunks at most, of up to 4 GiB. If the source refuses one, halves of it are asked for, down to
 * first_blocks.
 */
void *cairn_atomic_pool_alloc(cairn_atomic_pool *pool);

/* Ends a block. True, too, for NULL, which does nothing. False: not a block in use, as said above,
 * and nothing was done. O(1) for a block of the latest chunk, O(chunks) for others. */
bool cairn_atomic_pool_dealloc(cairn_atomic_pool *pool, void *ptr);

/*
 * n blocks into blocks[0..n). Returns how many there are: fewer than n if memory ran out, those then
 * being the caller's. One atomic operation for each group that they lie in.
 */
size_t cairn_atomic_pool_alloc_batch(cairn_atomic_pool *pool, void **blocks, size_t n);

/*
 * Ends n blocks, as cairn_atomic_pool_dealloc each. Returns how many it ended, NULL not counted: n,
 * unless there were bad pointers among them, or NULL. One atomic operation for each row of
 * neighbours in the list that lie in one group.
 */
size_t cairn_atomic_pool_dealloc_batch(cairn_atomic_pool *pool, void *const *blocks, size_t n);

/* True if ptr lies in a block that is in use at this moment. Any ptr. O(chunks). */
bool cairn_atomic_pool_owns(const cairn_atomic_pool *pool, const void *ptr);

/*
 * Serves layouts up to the block's size and alignment, NULL for others. Resizes in place within a
 * block, else not. usable_size: the block's size. owns: as above. dealloc ignores bad pointers.
 */
cairn_allocator cairn_atomic_pool_allocator(cairn_atomic_pool *pool);

typedef struct cairn_atomic_pool_stats {
    size_t blocks; /* in use and free */
    size_t free;
    size_t chunks;
    size_t bytes; /* from the source, all in all */
} cairn_atomic_pool_stats;

/* free is exact if nobody uses the pool meanwhile, else about right. O(blocks / 64). */
cairn_atomic_pool_stats cairn_atomic_pool_stats_get(const cairn_atomic_pool *pool);

/*
 * Only for a process of several threads that forks while one of them may be growing the pool: in the
 * forking thread, before_fork before fork, and after_fork after it in both processes, in_child true
 * in the child. Without, growth in the child might wait for a thread that is not there. What threads
 * that are not there have in use stays in use in the child.
 */
void cairn_atomic_pool_before_fork(cairn_atomic_pool *pool);
void cairn_atomic_pool_after_fork(cairn_atomic_pool *pool, bool in_child);

/* NULL, or what is wrong. Nobody may use the pool meanwhile. O(blocks / 64 + chunks squared). */
const char *cairn_atomic_pool_audit(const cairn_atomic_pool *pool);

/* Each block, in use or free, chunk by chunk in order of address; false if the visitor ended the
 * walk. Nobody may use the pool meanwhile. O(blocks). */
bool cairn_atomic_pool_visit(const cairn_atomic_pool *pool, cairn_visitor *visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
