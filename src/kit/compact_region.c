/* SPDX-License-Identifier: MIT */
/*
 * The regions of the compacting heap: one that the caller brought, or as many as needed from the
 * source. They stand in two orders: as they were taken, which is the order of compaction, so that a
 * new region never asks for moves; and by address, to find the one that a block lies in. One that is
 * empty is kept as the spare, at the end of the first order; a second one goes back.
 */
#include "kit/compact_gap.h"

enum { ROW_FIRST = 16 };

bool cairn__compact_row_grow(cairn_compact *heap, struct row *row, size_t item_size)
{
    if (row->count < row->capacity)
        return true;
    size_t capacity = row->capacity != 0 ? row->capacity * 2 : ROW_FIRST;
    if (capacity > PTRDIFF_MAX / item_size / 2)
        return false;
    void *items = cairn_allocator_realloc(heap->source, row->items,
                                          cairn__layout(row->capacity * item_size, UNIT),
                                          capacity * item_size);
    if (items == NULL)
        return false;
    row->items = items;
    row->capacity = capacity;
    return true;
}

void cairn__compact_row_end(cairn_compact *heap, struct row *row, size_t item_size)
{
    cairn_allocator_dealloc(heap->source, row->items,
                            cairn__layout(row->capacity * item_size, UNIT));
    *row = (struct row){NULL, 0, 0};
}

/* ---- by address ---- */

/* How many regions lie at or before this address. */
static size_t position_of(const cairn_compact *heap, const char *at)
{
    struct region **regions = heap->by_address.items;
    size_t low = 0, high = heap->by_address.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((const char *)regions[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct region *cairn__compact_region_of(cairn_compact *heap, const char *at)
{
    struct region *recent = heap->recent;
    if (recent == NULL || at < recent->first || at > recent->end)
        heap->recent = recent =
            ((struct region **)heap->by_address.items)[position_of(heap, at) - 1];
    return recent;
}

/* ---- in their order ---- */

static void order_remove(cairn_compact *heap, struct region *region)
{
    if (region->before != NULL)
        region->before->after = region->after;
    else
        heap->first = region->after;
    if (region->after != NULL)
        region->after->before = region->before;
    else
        heap->last = region->before;
}

/* after NULL: at the begin. */
static void order_insert(cairn_compact *heap, struct region *region, struct region *before)
{
    region->before = before;
    region->after = before != NULL ? before->after : heap->first;
    if (region->after != NULL)
        region->after->before = region;
    else
        heap->last = region;
    if (before != NULL)
        before->after = region;
    else
        heap->first = region;
}

/* ---- begin and end ---- */

static void begin(cairn_compact *heap, struct region *region, size_t size)
{
    char *first = aligned_head((char *)(region + 1), UNIT);
    size_t units = (size_t)((char *)region + size - HEAD - first) / UNIT;
    *region = (struct region){.first = first, .end = first + units * UNIT, .size = size};
    region->ceiling = region->end;
    if (heap->is_watched)
        cairn__show_unused(first, units * UNIT + HEAD);
    cairn__compact_open(heap, region);

    struct region **regions = heap->by_address.items;
    size_t at = position_of(heap, (char *)region);
    memmove(&regions[at + 1], &regions[at], (heap->by_address.count - at) * sizeof *regions);
    regions[at] = region;
    heap->by_address.count++;
    order_insert(heap, region, heap->spare != NULL ? heap->spare->before : heap->last);
    heap->region_bytes += size;
}

char *cairn__compact_region_take(cairn_compact *heap, size_t units)
{
    size_t size = sizeof(struct region) + 2 * UNIT + units * UNIT;
    size = size_max(size, heap->region_size);
    if (!cairn__compact_row_grow(heap, &heap->by_address, sizeof(struct region *)))
        return NULL;
    struct region *region = cairn_allocator_alloc(heap->source, cairn__layout(size, UNIT));
    if (region == NULL)
        return NULL;
    begin(heap, region, size);
    return region->first;
}

bool cairn__compact_region_fix(cairn_compact *heap, void *memory, size_t size)
{
    char *start = (char *)memory + (round_up((uintptr_t)memory, UNIT) - (uintptr_t)memory);
    if (!cairn__compact_row_grow(heap, &heap->by_address, sizeof(struct region *)))
        return false;
    heap->fixed = (struct region *)(void *)start;
    begin(heap, heap->fixed, size - (size_t)(start - (char *)memory));
    return true;
}

void cairn__compact_region_emptied(cairn_compact *heap, struct region *region)
{
    if (region->cursor != NULL)
        heap->unsettled--;
    region->cursor = NULL;
    region->left = NULL;
    region->ceiling = region->end;
    if (region == heap->fixed)
        return;
    if (heap->hand == region)
        heap->hand = region->after;
    if (heap->pinned == region)
        heap->pinned = NULL;
    if (heap->spare == NULL) {
        order_remove(heap, region);
        order_insert(heap, region, heap->last);
        heap->spare = region;
    } else {
        cairn__compact_region_give(heap, region);
    }
}

void cairn__compact_region_drop(cairn_compact *heap, struct region *region)
{
    struct region **regions = heap->by_address.items;
    size_t at = position_of(heap, (char *)region);
    heap->by_address.count--;
    memmove(&regions[at - 1], &regions[at], (heap->by_address.count - (at - 1)) * sizeof *regions);
    order_remove(heap, region);
    heap->region_bytes -= region->size;
    if (heap->is_watched)
        cairn__show_usable(region->first, (size_t)(region->end - region->first) + HEAD);
    if (region != heap->fixed)
        cairn_allocator_dealloc(heap->source, region, cairn__layout(region->size, UNIT));
}

void cairn__compact_region_give(cairn_compact *heap, struct region *region)
{
    if (heap->recent == region)
        heap->recent = NULL;
    if (heap->spare == region)
        heap->spare = NULL;
    if (heap->hand == region)
        heap->hand = region->after;
    heap->returned_regions++;
    cairn__compact_close(heap, region);
    cairn__compact_region_drop(heap, region);
}
