/* SPDX-License-Identifier: MIT */
/*
 * Blocks, records and regions of a buddy system: the vocabulary of its files.
 *
 * A unit is a smallest block. For each unit of a region a byte, its mark, says what begins there:
 *
 *   mark = MARK_IN_USE | order or MARK_FREE | order    a block of 2^order units
 *   mark = 0                                           none, it lies inside one
 *   the blocks of a region fill its units, each at a multiple of its size
 *
 *   a free block of order k is in lists[k];  map bit k set  <=>  lists[k] != NULL
 *   *b->slot = b for each block b in a list
 *   a free block's buddy, (address ^ size), is not free as a whole
 *
 * Marks stand before the units in the caller's memory, and behind them in a span from a source,
 * which begins at a multiple of all its blocks.
 *
 * Where tools watch, all of it is hidden from them, and looked at by QUIET functions only.
 */
#ifndef CAIRN_KIT_BUDDY_BLOCK_H
#define CAIRN_KIT_BUDDY_BLOCK_H

#include "cairn/buddy.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/quiet.h"
#include "base/scan.h"

enum {
    ORDERS = 32,
    MARK_IN_USE = 0x40,
    MARK_FREE = 0x80,
    MARK_ORDER = 0x1f,
};

/* A free one. */
struct cairn__buddy_block {
    struct cairn__buddy_block *next;
    struct cairn__buddy_block **slot; /* what points to this block */
};

struct cairn__buddy_region {
    uintptr_t start; /* of its units */
    size_t span;     /* of its units, in bytes */
    unsigned char *marks;
    struct cairn__buddy_region *next;
    size_t size; /* as the source gave it; 0: the caller's memory */
};

typedef struct cairn__buddy_block block;
typedef struct cairn__buddy_region region;

static inline size_t bytes_of(const cairn_buddy *buddy, unsigned order)
{
    return (size_t)1 << (buddy->shift + order);
}

/* Of the least block for a valid layout; it may be above max_order. */
static inline unsigned order_for(const cairn_buddy *buddy, cairn_layout layout)
{
    size_t size = size_max(size_max(layout.size, layout.align), bytes_of(buddy, 0));
    return highest_bit((size - 1) | 1) + 1 - buddy->shift;
}

/* ---- regions ---- */

QUIET static inline bool is_inside(const region *r, const void *ptr)
{
    return (uintptr_t)ptr - r->start < r->span;
}

QUIET static inline region *region_after(const region *r)
{
    return r->next;
}

QUIET static inline size_t source_size_of(const region *r)
{
    return r->size;
}

QUIET static inline uintptr_t start_of(const region *r)
{
    return r->start;
}

QUIET static inline size_t units_of(const cairn_buddy *buddy, const region *r)
{
    return r->span >> buddy->shift;
}

static inline region *region_of(const cairn_buddy *buddy, const void *ptr)
{
    if (LIKELY(buddy->recent != NULL && is_inside(buddy->recent, ptr)))
        return buddy->recent;
    for (region *r = buddy->regions; r != NULL; r = region_after(r))
        if (is_inside(r, ptr))
            return r;
    return NULL;
}

QUIET static inline unsigned char *mark_at(const cairn_buddy *buddy, const region *r, uintptr_t at)
{
    return &r->marks[(at - r->start) >> buddy->shift];
}

QUIET static inline unsigned mark_of_unit(const region *r, size_t unit)
{
    return r->marks[unit];
}

/* ---- lists ---- */

QUIET static inline void list_push(cairn_buddy *buddy, block *b, unsigned order)
{
    block **head = &buddy->lists[order];
    b->next = *head;
    b->slot = head;
    if (b->next != NULL)
        b->next->slot = &b->next;
    *head = b;
    buddy->map |= (uint32_t)1 << order;
}

QUIET static inline void list_remove(cairn_buddy *buddy, block *b, unsigned order)
{
    *b->slot = b->next;
    if (b->next != NULL)
        b->next->slot = b->slot;
    else if (buddy->lists[order] == NULL)
        buddy->map &= ~((uint32_t)1 << order);
}

/* A block that is in no list and whose mark is to be set becomes free. */
QUIET static inline void put_free(cairn_buddy *buddy, const region *r, uintptr_t at, unsigned order)
{
    *mark_at(buddy, r, at) = (unsigned char)(MARK_FREE | order);
    list_push(buddy, (block *)at, order);
}

/* A free block begins to be part of another one, or in use. */
QUIET static inline void take_free(cairn_buddy *buddy, const region *r, uintptr_t at,
                                   unsigned order)
{
    *mark_at(buddy, r, at) = 0;
    list_remove(buddy, (block *)at, order);
}

/* ---- what the files of buddy ask of each other ---- */

/* A free block of `order` or more from the source. */
bool cairn__buddy_grow(cairn_buddy *buddy, unsigned order);

/* After all of r, of the source, has become one free block. */
void cairn__buddy_emptied(cairn_buddy *buddy, region *r);

#endif
