/* SPDX-License-Identifier: MIT */
/*
 * Where malloc goes when a bin is empty: take in what others freed, then the cheapest of
 *   1. blocks that came back to the active page, if they are many or it is not full yet;
 *   2. blocks of the active page that were never handed out;
 *   3. another page: listed, from the depot, or fresh;
 *   4. when memory is out, a block of a larger class.
 */
#ifndef CAIRN_CORE_REFILL_H
#define CAIRN_CORE_REFILL_H

#include "core/heap.h"

/*
 * For so many blocks trips may do without the look that cairn__refill_tend takes; not for more, or a thread
 * that goes round in a few blocks would never see what others have freed for it, however much that is.
 */
static inline bool refill_may_be_short(struct heap *heap, uint32_t count)
{
    if (UNLIKELY(heap->short_blocks < count))
        return false;
    heap->short_blocks -= count;
    return true;
}

/* How many blocks came back to the active page, if they are enough for a short trip; else 0. */
static inline uint32_t refill_has_enough(const struct page *page)
{
    if (SLOTTED || page == NULL)
        return 0;
    uint32_t count = page_free_count_in(page, PAGE_ACTIVE);
    uint32_t enough = page->issued < page->capacity ? page->wake / 4u : page->wake;
    return count < enough ? 0 : count;
}

/*
 * The commonest case, for the caller to try first: the active page alone has enough to give; less is enough
 * where it is not full yet, for it would not fall asleep. NULL otherwise; a heap that is not real has no
 * active page.
 */
static inline void *refill_from_active(struct heap *heap, unsigned class)
{
#if SLOTTED
    (void)heap, (void)class;
    return NULL;
#else
    struct page *page = heap->shelf[class].active;
    uint32_t count = refill_has_enough(page);
    if (count == 0 || !refill_may_be_short(heap, count))
        return NULL;
    bool outer = heap_enter(heap);
    heap->counts.handed += count;
    heap->counts.trips++;
    void *block = page_take_free(page);
    heap->bin[class] = block_next(block);
    block_taken(block);
    heap_leave(heap, outer);
    return block;
#endif
}

/*
 * Takes in what others have freed; now and then sends what is held back for others, and looks whether the
 * pool has something to give to the system. Part of each refill; for those too that allocate without one.
 */
void cairn__refill_tend(struct heap *heap);

/* A block of the class, its bin being empty; NULL when out of memory. Sets heap->fresh. */
void *cairn__refill(struct heap *heap, unsigned class);

#endif
