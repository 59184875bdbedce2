/* SPDX-License-Identifier: MIT */
/*
 * Separate heaps: made and destroyed by the program, used by any thread, each under a lock of its
 * own. Nothing of one ever mixes with others' blocks: no page of it is cold, shelved or taken over,
 * and a free goes straight to its page, never through a ring. So a heap can be walked, and destroyed
 * with all that is in it, whatever other threads hold back.
 */
#ifndef CAIRN_CORE_SEPARATE_H
#define CAIRN_CORE_SEPARATE_H

#include "core/heap.h"

/* name: NULL, or what statistics shall call it; cut to HEAP_NAME_SIZE - 1. NULL: out of memory. */
struct heap *cairn__separate_create(const char *name);

/* Frees every block, and the heap. Nobody else uses either any more. O(pages). */
void cairn__separate_destroy(struct heap *heap);

/* align: a power of two. *zeroed (if asked): but for its first word the block reads as zero. */
void *cairn__separate_alloc(struct heap *heap, size_t size, size_t align, bool *zeroed);

/* A block of a page that is a separate heap's. False: there is none at ptr. */
bool cairn__separate_free(void *ptr, struct page *page);

/* The separate heap of a block in use; NULL if it is not in one. */
struct heap *cairn__separate_heap_of(const void *ptr);

/*
 * Visits every block in use, with what it holds, until told false. Under the heap's lock: the visitor
 * must use no separate heap, nor fork. True: told so by nobody. O(blocks ever handed out by the heap's pages).
 */
bool cairn__separate_walk(struct heap *heap, bool (*visit)(void *context, void *block, size_t size),
                          void *context);

struct separate_figures {
    size_t committed; /* bytes taken */
    size_t live;      /* of these in blocks in use */
    size_t blocks;
};

/* O(pages). */
struct separate_figures cairn__separate_figures(struct heap *heap);

void cairn__separate_before_fork(void);
void cairn__separate_after_fork(bool child);

#endif
