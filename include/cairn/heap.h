/* SPDX-License-Identifier: MIT */
/*
 * Heaps of one's own: blocks that belong together and can be freed together, such as those of a
 * request, a document or a plug-in. Part of cairn.h.
 *
 * Any thread may use any heap at any time, except while it is being destroyed. Each has a lock of
 * its own: threads that share one wait for each other, threads with a heap each do not. Blocks are
 * like all others: cairn_free (and free, where malloc is Cairn's) frees them from any thread,
 * cairn_realloc keeps them in their heap, cairn_usable_size and cairn_owns know them. A heap takes
 * 12 KiB for itself, and pages of 64 KiB and up for each size of blocks that it holds: meant for
 * hundreds of KiB and more.
 *
 * Sizes, alignment and errors are as in cairn.h.
 */
#ifndef CAIRN_HEAP_H
#define CAIRN_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_heap cairn_heap;

/*
 * An empty heap, to be destroyed by cairn_heap_destroy. name: NULL, or what statistics call it,
 * copied and cut to 31 bytes. NULL with errno ENOMEM: out of memory. O(1).
 */
cairn_heap *cairn_heap_create(const char *name);

/*
 * Frees every block of the heap, and the heap. From then on nobody may use either; a heap destroyed
 * twice in a row is ignored and reported. NULL does nothing.
 * O(pages of the heap), however many blocks there are.
 */
void cairn_heap_destroy(cairn_heap *heap);

/* Blocks of this heap, each as the function of cairn.h of the same name gives it. */
void *cairn_heap_malloc(cairn_heap *heap, size_t size);
void *cairn_heap_calloc(cairn_heap *heap, size_t count, size_t size);
void *cairn_heap_aligned_alloc(cairn_heap *heap, size_t align, size_t size);

/* ptr NULL: cairn_heap_malloc. Else cairn_realloc: the block stays in the heap that it is in. */
void *cairn_heap_realloc(cairn_heap *heap, void *ptr, size_t size);

/* The heap that a block in use belongs to; NULL if it is in no heap made by cairn_heap_create. */
cairn_heap *cairn_heap_of(const void *ptr);

/*
 * The heap as an allocator (cairn/allocator.h); it must not be used after cairn_heap_destroy. NULL:
 * the heaps of the threads, which cairn_malloc and cairn_free use, too; any thread at full speed.
 * It owns what begins a block of it.
 */
cairn_allocator cairn_heap_allocator(cairn_heap *heap);

/*
 * Calls visit(context, block, bytes that it holds) for each block in use, in no order, until it
 * returns false. True: all were visited. The heap is locked meanwhile: visit must not use, make
 * or destroy any heap of this kind, nor free its blocks, nor fork, and must return (no longjmp, no
 * exception). O(blocks in use and free).
 */
bool cairn_heap_walk(cairn_heap *heap, bool (*visit)(void *context, void *block, size_t size),
                     void *context);

/* In bytes, unless said otherwise. Later versions add fields at the end. */
struct cairn_heap_stats {
    size_t size;      /* of this struct, as the caller knows it: set it before the call */
    size_t committed; /* taken for this heap: live, and what is free in its pages */
    size_t live;      /* in blocks in use, rounded up to what they can hold */
    size_t blocks;    /* in use */
};

/* Fills in as many fields as stats->size covers. O(pages of the heap). */
void cairn_heap_stats_get(cairn_heap *heap, struct cairn_heap_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
