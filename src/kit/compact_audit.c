/* SPDX-License-Identifier: MIT */
/* The compacting heap looked at from outside: its figures, its blocks and gaps in their order, and
 * whether all that it has noted is true. Changes nothing. */
#include "kit/compact_gap.h"

/* ---- figures ---- */

static size_t largest_gap(const cairn_compact *heap)
{
    unsigned bin = BINS;
    while (bin-- > 0 && heap->bins[bin] == NULL)
        ;
    if (bin >= BINS)
        return heap->gaps != 0 ? UNIT : 0;
    size_t most = 0;
    for (const char *gap = heap->bins[bin]; gap != NULL;
         gap = (const char *)(uintptr_t)word_get(heap, gap + HEAD))
        most = size_max(most, head_units(word_get(heap, gap)));
    return most * UNIT;
}

CAIRN_EXPORT void cairn_compact_stats_get(const cairn_compact *heap, cairn_compact_stats *stats)
{
    *stats = (cairn_compact_stats){
        .blocks = heap->blocks,
        .bytes = heap->bytes,
        .regions = heap->by_address.count,
        .region_bytes = heap->region_bytes,
        .free_bytes = heap->free_units * UNIT,
        .gaps = heap->gaps,
        .largest_gap = largest_gap(heap),
        .table_bytes = heap->capacity * sizeof(struct place),
        .steps = heap->steps,
        .moved_blocks = heap->moved_blocks,
        .moved_bytes = heap->moved_bytes,
        .returned_regions = heap->returned_regions,
        .collections = heap->collections,
        .collected_blocks = heap->collected_blocks,
    };
}

CAIRN_EXPORT bool cairn_compact_visit(const cairn_compact *heap, cairn_visitor *visitor,
                                      void *context)
{
    for (const struct region *region = heap->first; region != NULL; region = region->after)
        for (char *at = region->first; at != region->end;) {
            uint64_t head = word_get(heap, at);
            size_t size = head_units(head) * UNIT;
            bool goes_on;
            if (head_is_gap(head)) {
                goes_on = visitor(context, at, size, false);
            } else {
                const struct place *place = place_at(heap, head_index(head));
                goes_on = visitor(context, place->block, place_size(heap, place), true);
            }
            if (!goes_on)
                return false;
            at += size;
        }
    return true;
}

/* ---- audit ---- */

/* What was counted on the way. */
struct sum {
    size_t regions, region_bytes, unsettled;
    size_t gaps, free_units, listed;
    size_t blocks, bytes;
};

static const char *audit_gap(const cairn_compact *heap, const char *at, uint64_t head,
                             struct sum *sum)
{
    size_t units = head_units(head);
    if ((head & BEFORE_IS_GAP) != 0)
        return "two gaps side by side";
    if (word_get(heap, at + units * UNIT - HEAD) != units)
        return "the foot of a gap is not its size";
    sum->gaps++;
    sum->free_units += units;
    sum->listed += units >= UNITS_MIN;
    return NULL;
}

static const char *audit_block(const cairn_compact *heap, const char *at, uint64_t head,
                               struct sum *sum)
{
    size_t units = head_units(head);
    if (head_index(head) >= heap->places)
        return "a block names no place";
    const struct place *place = place_at(heap, head_index(head));
    if (place->block != at + HEAD)
        return "a block's place points elsewhere";
    if (units < UNITS_MIN || place->slack > units * UNIT - HEAD)
        return "a block's size cannot be";
    if (!is_aligned((uintptr_t)place->block, place_align(place)))
        return "a block is not aligned";
    if (heap->phase == AT_REST && (place->is_marked || place->is_traced))
        return "a mark is left";
    sum->blocks++;
    sum->bytes += units * UNIT - HEAD - place->slack;
    return NULL;
}

static bool is_pinned(const cairn_compact *heap, uint64_t head)
{
    return !head_is_gap(head) && place_at(heap, head_index(head))->pins != 0;
}

static const char *audit_region(const cairn_compact *heap, const struct region *region,
                                struct sum *sum)
{
    unsigned notes = 0; /* cursor, left and ceiling must be heads */
    bool was_gap = false, has_blocks = false;
    const char *at = region->first;
    while (at < region->end) {
        uint64_t head = word_get(heap, at);
        if (head_units(head) == 0 || head_units(head) > (size_t)(region->end - at) / UNIT)
            return "a chunk goes beyond its region";
        if (((head & BEFORE_IS_GAP) != 0) != was_gap)
            return "a head is wrong about what is before it";
        was_gap = head_is_gap(head);
        has_blocks |= !was_gap;
        const char *wrong = was_gap ? audit_gap(heap, at, head, sum)
                                    : audit_block(heap, at, head, sum);
        if (wrong != NULL)
            return wrong;
        notes += (at == region->cursor) + (at == region->left) +
                 (at == region->ceiling && is_pinned(heap, head));
        at += head_units(head) * UNIT;
    }
    notes += (at == region->cursor) + (at == region->left) + (at == region->ceiling);
    uint64_t head = word_get(heap, at);
    if (at != region->end || (head | BEFORE_IS_GAP) != head_of(0, INDEX_LIMIT, true) ||
        ((head & BEFORE_IS_GAP) != 0) != was_gap)
        return "the end of a region is not marked";
    if (notes != (region->cursor != NULL) + (region->left != NULL) + 1u)
        return "compaction points into a chunk";
    if (region->cursor != NULL && region->left > region->cursor)
        return "compaction has left what it has not met";
    if (!has_blocks && region != heap->spare && region != heap->fixed)
        return "an empty region is kept";
    if (has_blocks && region == heap->spare)
        return "the spare region has blocks";
    sum->unsettled += region->cursor != NULL;
    return NULL;
}

static const char *audit_regions(const cairn_compact *heap, struct sum *sum)
{
    const struct region *before = NULL;
    for (const struct region *region = heap->first; region != NULL; region = region->after) {
        if (region->before != before || ++sum->regions > heap->by_address.count)
            return "the order of regions is broken";
        sum->region_bytes += region->size;
        const char *wrong = audit_region(heap, region, sum);
        if (wrong != NULL)
            return wrong;
        before = region;
    }
    struct region **regions = heap->by_address.items;
    for (size_t i = 1; i < heap->by_address.count; i++)
        if (regions[i - 1]->end >= (char *)regions[i])
            return "regions are not sorted";
    if (heap->last != before || sum->regions != heap->by_address.count ||
        sum->region_bytes != heap->region_bytes)
        return "regions are not counted right";
    if (heap->spare != NULL && heap->spare != heap->last)
        return "the spare region is not the last";
    if (sum->unsettled != heap->unsettled)
        return "regions to compact are not counted right";
    return NULL;
}

static const char *audit_bins(const cairn_compact *heap, const struct sum *sum)
{
    size_t listed = 0;
    for (unsigned bin = 0; bin < BINS; bin++) {
        bool masked = (heap->bin_mask[bin / 64] >> bin % 64 & 1) != 0;
        if (masked != (heap->bins[bin] != NULL))
            return "the mask of lists is wrong";
        const char *previous = NULL;
        for (const char *gap = heap->bins[bin]; gap != NULL;
             gap = (const char *)(uintptr_t)word_get(heap, gap + HEAD)) {
            size_t units = head_units(word_get(heap, gap));
            if (!head_is_gap(word_get(heap, gap)) || ++listed > sum->listed)
                return "a list holds what is no gap";
            if (cairn__compact_bin_of(units) != bin)
                return "a gap is in the wrong list";
            if (word_get(heap, gap + 2 * HEAD) != (uintptr_t)previous)
                return "a list of gaps is broken";
            previous = gap;
        }
    }
    if (listed != sum->listed)
        return "a gap is in no list";
    return NULL;
}

static const char *audit_table(const cairn_compact *heap)
{
    size_t live = 0, used_up = 0, free_places = 0;
    for (uint32_t i = 1; i < heap->places; i++) {
        const struct place *place = place_at(heap, i);
        live += place->block != NULL;
        used_up += place->block == NULL && place->next == INDEX_LIMIT;
    }
    for (uint32_t i = heap->free_place; i != 0; i = place_at(heap, i)->next)
        if (i >= heap->places || place_at(heap, i)->block != NULL || ++free_places >= heap->places)
            return "the list of free places is broken";
    if (live != heap->blocks || live + used_up + free_places + 1 != heap->places)
        return "places are not counted right";
    return NULL;
}

CAIRN_EXPORT const char *cairn_compact_audit(const cairn_compact *heap)
{
    struct sum sum = {0};
    const char *wrong = audit_regions(heap, &sum);
    if (wrong == NULL && (sum.gaps != heap->gaps || sum.free_units != heap->free_units))
        wrong = "gaps are not counted right";
    if (wrong == NULL && (sum.blocks != heap->blocks || sum.bytes != heap->bytes))
        wrong = "blocks are not counted right";
    if (wrong == NULL)
        wrong = audit_bins(heap, &sum);
    return wrong != NULL ? wrong : audit_table(heap);
}
