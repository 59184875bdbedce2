/* SPDX-License-Identifier: MIT */
/*
 * Bins: the blocks of a class that a heap serves next. In the ordinary build a bin is a list through
 * the blocks' first words. In the hardened build it is a magazine: numbers of blocks of the active
 * page, in random order, away from the blocks; a free block holds nothing that could be read or forged.
 */
#ifndef CAIRN_CORE_BIN_H
#define CAIRN_CORE_BIN_H

#include "core/heap.h"

#if SLOTTED

static inline bool bin_is_empty(const struct heap *heap, unsigned class)
{
    return heap->bin[class].count == 0;
}

/* The next block; NULL: there is none. */
static inline void *bin_take(struct heap *heap, unsigned class)
{
    struct magazine *bin = &heap->bin[class];
    if (UNLIKELY(bin->count == 0))
        return NULL;
    return bin->page->start + (size_t)bin->at[--bin->count] * bin->page->size;
}

static inline void bin_forget(struct heap *heap, unsigned class)
{
    heap->bin[class].count = 0;
}

/* Takes all of them, `most` at the most: how many. (Where they are linked: first to last.) */
unsigned cairn__bin_empty(struct heap *heap, unsigned class, unsigned most, void **first,
                          void **last);

static inline size_t bin_length(const struct heap *heap, unsigned class)
{
    return heap->bin[class].count;
}

/* Takes all but the next `keep` blocks, first to last, where they are linked: how many. */
unsigned cairn__bin_cut(struct heap *heap, unsigned class, size_t keep, void **first, void **last);

/* Fills the empty bin from a page of the heap, also with blocks that are not ripe, if any will do.
 * False: the page has nothing more to give this turn. */
bool cairn__bin_fill(struct heap *heap, struct page *page, bool any);

#else

static inline bool bin_is_empty(const struct heap *heap, unsigned class)
{
    return heap->bin[class] == NULL;
}

static inline void *bin_take(struct heap *heap, unsigned class)
{
    void *block = heap->bin[class];
    if (LIKELY(block != NULL)) {
        heap->bin[class] = block_next(block);
        block_taken(block);
    }
    return block;
}

static inline void bin_forget(struct heap *heap, unsigned class)
{
    heap->bin[class] = NULL;
}

static inline unsigned cairn__bin_empty(struct heap *heap, unsigned class, unsigned most,
                                        void **first, void **last)
{
    void *next;
    unsigned count = 1;
    *first = *last = heap->bin[class];
    heap->bin[class] = NULL;
    while ((next = block_next(*last)) != NULL && count < most) {
        *last = next;
        count++;
    }
    return next == NULL ? count : 0; /* else a block was freed twice */
}

static inline unsigned cairn__bin_cut(struct heap *heap, unsigned class, size_t keep, void **first,
                                      void **last)
{
    void *kept = NULL, *block = heap->bin[class];
    for (; keep > 0 && block != NULL; keep--, block = block_next(block))
        kept = block;
    unsigned count = 0;
    *first = *last = block;
    if (kept != NULL)
        block_set_next(kept, NULL);
    else
        heap->bin[class] = NULL;
    for (; block != NULL; block = block_next(block), count++)
        *last = block;
    return count;
}

/* Blocks in a bin count as in use elsewhere. */
static inline size_t bin_length(const struct heap *heap, unsigned class)
{
    size_t length = 0;
    for (const void *block = heap->bin[class]; block != NULL; block = block_next(block))
        length++;
    return length;
}

#endif

#endif
