/* SPDX-License-Identifier: MIT */
/*
 * What a heap of the hardened build counts: bytes of its free blocks, which wait; bytes of its pages;
 * and what its thread frees, for the quarantine's clock (age.h). Elsewhere these parts of a heap are
 * not written, nor in memory.
 */
#ifndef CAIRN_CORE_WAITING_H
#define CAIRN_CORE_WAITING_H

#include "core/heap.h"

/* Free blocks have come, or, if negative, have gone into a bin; */
static inline void heap_add_waiting(struct heap *heap, const struct page *page, int64_t blocks)
{
    if (SLOTTED)
        heap->waiting += blocks * page->size;
}

/* Moves the clock by as many ticks as the heap's thread has freed. */
COLD void cairn__tick(struct heap *heap);

/* The program has freed blocks of the page. */
static inline void heap_count_freed(struct heap *heap, const struct page *page, size_t blocks)
{
#if SLOTTED
    int64_t bytes = (int64_t)(blocks * page->size);
    heap->waiting += bytes;
    heap->until_tick -= bytes;
    if (UNLIKELY(heap->until_tick <= 0))
        cairn__tick(heap);
#else
    (void)heap, (void)page, (void)blocks;
#endif
}

/* pages have come, or gone; */
static inline void heap_add_owned(struct heap *heap, const struct page *page, int64_t pages)
{
    if (SLOTTED)
        heap->owned += pages * ((int64_t)page->units << UNIT_SHIFT);
}

/* what is left has so many free bytes. */
static inline void heap_set_waiting(struct heap *heap, int64_t bytes)
{
    if (!SLOTTED)
        return;
    heap->waiting = bytes;
    heap->owned = 0;
}

/* ---- a block of a page of the caller's ---- */

static inline void heap_free_local(struct heap *heap, struct page *page, void *block)
{
    heap_count_freed(heap, page, 1);
    if (UNLIKELY(page_free_block(page, block)))
        cairn__heap_event(heap, page);
}

#endif
