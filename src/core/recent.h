/* SPDX-License-Identifier: MIT */
/*
 * Large blocks freed a moment ago. A heap keeps the rows of units that its thread freed last, for its
 * next large blocks: a program that allocates a buffer, uses it and frees it, over and over, stays
 * away from the pool and its lock. What is kept counts as in use there; it is little, and all heaps'
 * go back to the pool at each step of purging, when a thread ends, and when memory is short.
 *
 * A heap's thread alone puts rows in; anybody may take one out.
 */
#ifndef CAIRN_CORE_RECENT_H
#define CAIRN_CORE_RECENT_H

#include "core/heap.h"

/* Longer rows are not kept. */
enum { RECENT_UNITS_MAX = PAGE_BYTES - 1 };

/* Keeps a page of one large block, whose owner is OWNER_KEPT, or gives it to the pool. */
void cairn__recent_put(struct heap *heap, struct page *page);

/* A page of at least so many units, and not many more; its owner is OWNER_LARGE. NULL: none is kept. */
struct page *cairn__recent_take(struct heap *heap, size_t units);

/* Gives what a heap keeps to the pool. True if there was anything. Any thread. */
bool cairn__recent_flush(struct heap *heap);

/* The same for all heaps. O(heaps). */
bool cairn__recent_flush_all(void);

#endif
