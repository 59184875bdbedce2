/* SPDX-License-Identifier: MIT */
/*
 * Frees into pages of other heaps. The freeing heap gathers blocks by page in rings, a ring's blocks
 * then travel as one batch, and batches for the same heap as one chain, pushed onto its inbox by one
 * compare-and-swap (after snmalloc's message passing: Lietar et al., ISMM 2019). The owner takes a
 * batch in without looking at its blocks. What may wait in rings and chains is REMOTE_BUDGET bytes.
 *
 * A page may change hands while a batch is on its way. Whoever finds that it is not his sends the
 * batch on; so it arrives, and until then its blocks count as in use.
 */
#ifndef CAIRN_CORE_REMOTE_H
#define CAIRN_CORE_REMOTE_H

#include "core/heap.h"

/*
 * By class first: what one thread frees of another's are mixed sizes of one page each, and two that share
 * a ring would close it for each other at every free. By page then, for pages of several owners.
 */
static inline struct ring *remote_ring(struct heap *heap, const struct page *page)
{
    enum { CLASSES = 16 };
    size_t way = (uintptr_t)page / sizeof *page % (REMOTE_RINGS / CLASSES);
    return &heap->ring[page->class % CLASSES + way * CLASSES];
}

static inline void ring_link(const struct ring *ring, void *block)
{
    if (!SLOTTED)
        block_set_next(block, ring->first);
}

/*
 * The straight line, without a call: the ring is the page's already (so the page is in use, and in the
 * window or not), and the budget is not used up. False: nothing was done.
 */
static inline bool remote_free_more(struct heap *heap, struct page *page, void *block)
{
    struct ring *ring = remote_ring(heap, page);
    int64_t budget = heap->budget - page->size;
    if (ring->page != page || budget <= 0)
        return false;
    heap->budget = budget;
    ring_link(ring, block);
    ring->first = block;
    /* The count last: a child of fork loses a block at most; the other way, one would have two owners. */
    atomic_signal_fence(memory_order_seq_cst);
    ring->count++;
    return true;
}

/* Frees a block of a page that is not this heap's (any owner but OWNER_LARGE and NULL). */
void cairn__remote_free(struct heap *heap, struct page *page, void *block);

/* Frees the blocks in the heap's bins: some are its own, some borrowed. */
void cairn__remote_empty_bins(struct heap *heap);

/* Sends everything that is held back. */
void cairn__remote_flush(struct heap *heap);

static inline bool remote_has_mail(struct heap *heap)
{
    return atomic_load_explicit(&heap->inbox, memory_order_relaxed) != NULL ||
           heap->pending != NULL;
}

/* Takes in what others have freed: a bounded amount; the rest at the next call. */
void cairn__remote_drain(struct heap *heap);

/* Takes what has come to an idle heap and deals with it, through another heap. */
void cairn__remote_forward(struct heap *through, struct heap *idle);

#endif
