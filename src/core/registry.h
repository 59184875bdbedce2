/* SPDX-License-Identifier: MIT */
/*
 * All heaps there are, and those that wait for a thread. A heap is never given back: its address may
 * be in somebody's hands, who will still send blocks to it.
 *
 * A few heaps wait with pages, and are called parked: the next thread finds what the last one had. One
 * that no thread takes gives its pages away at the second step of purging, or when memory is short.
 */
#ifndef CAIRN_CORE_REGISTRY_H
#define CAIRN_CORE_REGISTRY_H

#include "core/heap.h"

/* A parked heap, or an idle one, or a new one; NULL when out of memory, or of heaps (OPTION_HEAPS, about). */
struct heap *cairn__registry_take(void);

/* The heap has no thread any more. It may still own pages (after a fork). */
void cairn__registry_give(struct heap *heap);

/* Whether there is a place for another parked heap, at the moment. */
bool cairn__registry_can_park(void);
/* The heap has no thread any more, but pages. It keeps them if there is a place. Its bins are empty. */
void cairn__registry_park(struct heap *heap);
/* Whether any heap is parked, at the moment. */
bool cairn__registry_has_parked(void);
/*
 * Parked heaps, those that were it at the last call already or all, give their pages away. True: there
 * was one.
 */
bool cairn__registry_unpark(bool all);

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
