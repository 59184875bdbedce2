/* SPDX-License-Identifier: MIT */
/*
 * Any thread; not for signal handlers. Equal blocks, of which each thread keeps some for itself.
 *
 * Three levels (J. Bonwick, J. Adams, Magazines and Vmem, 2001). A magazine is a stack of up to M
 * pointers to free blocks.
 *   L1, the thread's cache: two magazines. alloc pops, dealloc pushes, without any atomic operation.
 *       Two, so that a thread that takes and gives by turns at the edge of one stays in L1 for M
 *       calls all the same.
 *   L2, a depot for each processor, under a lock of its own: full magazines, and empty ones to give
 *       for them. A thread comes here once in M calls or more.
 *   L3, the store, under a lock: more full magazines; chunks from the source, each as large as all
 *       before together, with a bit for each block that is in no magazine.
 * A thread that ends gives its blocks back to L2 and L3. If no thread word can be had, or no memory
 * for a cache, threads use a cache of the depot's, under its lock.
 *
 * Cost: a few ns a call in L1. Memory: 2 M blocks a thread and (depot_magazines + 2) M a processor
 * may be free and out of reach of other threads until these run out of memory (depots), or end or
 * flush (threads); 8 bytes for each block in a magazine, a bit for each other; 4 KiB a pool, 128
 * bytes a thread, 256 a processor. Blocks are multiples of 8 bytes apart.
 *
 * The source is called by one thread at a time. While the pool is being destroyed, no thread that has
 * used it may be ending, since it would look for the pool; join it, or let it flush, before. A thread
 * that ends later does no harm.
 *
 * A block freed twice, or a pointer that is no block, is not seen by dealloc; the store refuses it
 * when it comes there (a number in the stats), audit finds it wherever it is, and cairn/checked.h
 * finds it at once. (Where AddressSanitizer or Valgrind watch, what is no block is refused at once.)
 *
 * Fork: a process of one thread may simply go on in both processes. With more threads, see
 * cairn_cached_pool_before_fork.
 */
#ifndef CAIRN_CACHED_POOL_H
#define CAIRN_CACHED_POOL_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_cached_pool cairn_cached_pool;

typedef struct cairn_cached_pool_opts {
    cairn_allocator source;   /* {NULL, NULL}: cairn_system(). It must outlive the pool. */
    size_t first_blocks;      /* taken by create; 0: what 64 KiB hold, but 8 or more */
    size_t max_blocks;        /* 0: no bound but the source's; else never more than this */
    unsigned magazine_blocks; /* M, at most 4096; 0: what 16 KiB hold, but 8 to 128 */
    unsigned depot_magazines; /* full ones that a depot keeps, at most 4096; 0: 8 */
    unsigned depots;          /* 0: one for each processor, 64 at most; 1: one for all */
} cairn_cached_pool_opts;

/*
 * A pool of blocks of block.size bytes (0 counts as 1) at multiples of block.align. opts NULL: all
 * defaults; values above their bounds count as these, a max_blocks below first_blocks bounds that,
 * too. NULL: no memory, the layout is not valid, or its size, padded, is above 1 GiB.
 * O(first_blocks / 64).
 */
cairn_cached_pool *cairn_cached_pool_create(cairn_layout block, const cairn_cached_pool_opts *opts);

/* Gives everything back, blocks in use too. Nobody may use the pool any more, as said above. NULL
 * does nothing. O(chunks + magazines + threads there were at a time). */
void cairn_cached_pool_destroy(cairn_cached_pool *pool);

/*
 * A block, its contents unspecified. NULL: out of memory; other threads' caches may have free
 * blocks then. O(1); once in M calls or more O(M), with a lock; when there are no more blocks in
 * reach, O(blocks in depots). At most 64 chunks of up to 4 GiB at a time; if the source refuses one,
 * halves of it are asked for, down to first_blocks.
 */
void *cairn_cached_pool_alloc(cairn_cached_pool *pool);

/* Ends a block of this pool; any thread may. NULL does nothing. O(1); once in M calls or more O(M),
 * with a lock. Needs no memory. */
void cairn_cached_pool_dealloc(cairn_cached_pool *pool, void *ptr);

/* Gives the calling thread's free blocks back to the other levels. O(M). */
void cairn_cached_pool_flush(cairn_cached_pool *pool);

/*
 * Flushes, and gives back to the source every chunk of which no block is in use or in another
 * thread's cache, and every empty magazine. Returns the bytes given back. O(blocks in depots and
 * store + chunks + magazines).
 */
size_t cairn_cached_pool_trim(cairn_cached_pool *pool);

/* True if ptr lies in a chunk of this pool, its block in use or not. Any ptr. No lock. O(chunks). */
bool cairn_cached_pool_owns(const cairn_cached_pool *pool, const void *ptr);

/*
 * Serves layouts up to the block's size and alignment, NULL for others. Resizes in place within a
 * block, else not. usable_size: the block's size. owns: as above.
 */
cairn_allocator cairn_cached_pool_allocator(cairn_cached_pool *pool);

typedef struct cairn_cached_pool_stats {
    uint64_t allocs[3]; /* calls answered by L1, L2, L3; those that found nothing are not counted */
    uint64_t deallocs[3];
    uint64_t refused;    /* pointers given to dealloc that were no blocks in use, as far as seen */
    size_t blocks;       /* in use and free, in all levels */
    size_t stored;       /* free in L3, and in no magazine */
    size_t chunks;       /* now */
    size_t magazines;    /* full, empty or in a cache */
    size_t threads;      /* that have a cache now */
    size_t bytes;        /* from the source, all in all, now */
    size_t source_calls; /* to alloc, since the pool was created, refused ones too */
} cairn_cached_pool_stats;

/* Right if nobody uses the pool meanwhile, else about right. Takes the store's lock.
 * O(threads + depots). */
cairn_cached_pool_stats cairn_cached_pool_stats_get(cairn_cached_pool *pool);

/*
 * For a process that forks while other threads use the pool: in the forking thread, before_fork
 * before fork, and after_fork after it in both processes, in_child true in the child. The child then
 * has the pool with all blocks but those in the caches of threads that it has not; these are lost to
 * it until it destroys the pool. Between the two calls nobody can use the pool but within L1.
 */
void cairn_cached_pool_before_fork(cairn_cached_pool *pool);
void cairn_cached_pool_after_fork(cairn_cached_pool *pool, bool in_child);

/* NULL, or what is wrong. Nobody may use the pool meanwhile. O(blocks + magazines). */
const char *cairn_cached_pool_audit(const cairn_cached_pool *pool);

/* Each block, in use or free, chunk by chunk in order of address; false if the visitor ended the
 * walk. Nobody may use the pool meanwhile. O(blocks). */
bool cairn_cached_pool_visit(const cairn_cached_pool *pool, cairn_visitor *visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
