/* SPDX-License-Identifier: MIT */
/*
 * All heaps there are, and those that wait for a thread. A heap is never given back: its address may
 * be in somebody's hands, who will still send blocks to it.
 */
#ifndef CAIRN_CORE_REGISTRY_H
#define CAIRN_CORE_REGISTRY_H

#include "core/heap.h"

/* An idle heap, or a new one; NULL when out of memory, or of heaps (OPTION_HEAPS, about). */
struct heap *cairn__registry_take(void);

/* The heap has no thread any more. It may still own pages (after a fork). */
void cairn__registry_give(struct heap *heap);

/*
 * Frees a batch into a page of an idle heap, on its behalf. False: the heap is not idle or the page
 * is not its own any more, and nothing was done.
 */
bool cairn__registry_free_batch(struct heap *idle, struct page *page, void *first, void *last,
                                unsigned count);

/* Enters a new heap that is not a thread's. */
void cairn__registry_add(struct heap *heap);

/* How many heaps have a thread, about. */
size_t cairn__registry_live(void);

/* Every heap, oldest last; for walking. Heaps are only ever added. */
struct heap *cairn__registry_first(void);

void cairn__registry_before_fork(void);
void cairn__registry_after_fork(void);
/* In the child: heaps of threads that are not there any more become idle. */
void cairn__registry_in_child(const struct heap *own);

#endif
