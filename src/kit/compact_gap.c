/* SPDX-License-Identifier: MIT */
/*
 * The chunks of the compacting heap: gaps in lists by size, blocks cut out of them, freed into them,
 * resized and moved. What is free is known by boundary tags (D. Knuth, TAOCP 1, 2.5), so that no two
 * gaps ever touch; a gap that fits is found by two searches for a bit (M. Masmano et al., TLSF, ECRTS
 * 2004). Knows nothing of handles but the place that a block belongs to.
 */
#include "kit/compact_gap.h"

COLD uint64_t cairn__compact_word_get_watched(const char *at)
{
    cairn__show_readable((char *)(uintptr_t)at, HEAD);
    uint64_t value = *(const word *)at;
    cairn__show_unused((char *)(uintptr_t)at, HEAD);
    return value;
}

COLD void cairn__compact_word_put_watched(char *at, uint64_t value)
{
    cairn__show_usable(at, HEAD);
    *(word *)at = value;
    cairn__show_unused(at, HEAD);
}

/* ---- lists of gaps ---- */

unsigned cairn__compact_bin_of(size_t units)
{
    if (units < 16)
        return (unsigned)units;
    unsigned power = log2_floor(units);
    return 16 + (power - 4) * 8 + (unsigned)(units >> (power - 3) & 7);
}

/* The first bin in which every gap has so many units. BINS or more: there is no such bin. */
static unsigned bin_above(size_t units)
{
    return units < 16 ? (unsigned)units
                      : cairn__compact_bin_of(units + ((size_t)1 << (log2_floor(units) - 3)) - 1);
}

/* The first one that has gaps, from `bin` on; BINS: none. */
static unsigned bin_in_use(const cairn_compact *heap, unsigned bin)
{
    if (bin >= BINS)
        return BINS;
    unsigned i = bin / 64;
    uint64_t mask = heap->bin_mask[i] & ~(uint64_t)0 << bin % 64;
    while (mask == 0 && ++i < (BINS + 63) / 64)
        mask = heap->bin_mask[i];
    return mask == 0 ? BINS : i * 64 + lowest_bit(mask);
}

static char *next_get(const cairn_compact *heap, const char *gap)
{
    return (char *)(uintptr_t)word_get(heap, gap + HEAD);
}

static void next_put(const cairn_compact *heap, char *gap, const char *next)
{
    word_put(heap, gap + HEAD, (uintptr_t)next);
}

static char *previous_get(const cairn_compact *heap, const char *gap)
{
    return (char *)(uintptr_t)word_get(heap, gap + 2 * HEAD);
}

static void previous_put(const cairn_compact *heap, char *gap, const char *previous)
{
    word_put(heap, gap + 2 * HEAD, (uintptr_t)previous);
}

/* Makes [gap, gap + units) a gap. The head behind it is the caller's to tell. */
static void gap_add(cairn_compact *heap, char *gap, size_t units)
{
    word_put(heap, gap, head_of(units, 0, false));
    word_put(heap, gap + units * UNIT - HEAD, units);
    heap->gaps++;
    heap->free_units += units;
    if (units < UNITS_MIN)
        return;
    unsigned bin = cairn__compact_bin_of(units);
    char *next = heap->bins[bin];
    next_put(heap, gap, next);
    previous_put(heap, gap, NULL);
    if (next != NULL)
        previous_put(heap, next, gap);
    heap->bins[bin] = gap;
    heap->bin_mask[bin / 64] |= (uint64_t)1 << bin % 64;
}

static void gap_remove(cairn_compact *heap, char *gap, size_t units)
{
    heap->gaps--;
    heap->free_units -= units;
    if (units < UNITS_MIN)
        return;
    char *next = next_get(heap, gap), *previous = previous_get(heap, gap);
    if (next != NULL)
        previous_put(heap, next, previous);
    if (previous != NULL) {
        next_put(heap, previous, next);
        return;
    }
    unsigned bin = cairn__compact_bin_of(units);
    heap->bins[bin] = next;
    if (next == NULL)
        heap->bin_mask[bin / 64] &= ~((uint64_t)1 << bin % 64);
}

static void tell_next(cairn_compact *heap, char *at, bool before_is_gap)
{
    uint64_t head = word_get(heap, at);
    word_put(heap, at, before_is_gap ? head | BEFORE_IS_GAP : head & ~BEFORE_IS_GAP);
}

char *cairn__compact_find(const cairn_compact *heap, size_t units, size_t align, size_t looks)
{
    unsigned enough = bin_above(units + align / UNIT - 1);
    unsigned bin = bin_in_use(heap, enough);
    if (LIKELY(bin < BINS))
        return heap->bins[bin];
    for (bin = bin_in_use(heap, cairn__compact_bin_of(units)); bin < BINS;
         bin = bin_in_use(heap, bin + 1))
        for (char *gap = heap->bins[bin]; gap != NULL; gap = next_get(heap, gap)) {
            size_t has = head_units(word_get(heap, gap));
            if ((size_t)(aligned_head(gap, align) - gap) / UNIT + units <= has)
                return gap;
            if (looks-- == 0)
                return NULL;
        }
    return NULL;
}

/* ---- chunks ---- */

char *cairn__compact_cut(cairn_compact *heap, char *gap, char *at, size_t units, uint32_t index)
{
    size_t has = head_units(word_get(heap, gap));
    size_t lead = (size_t)(at - gap) / UNIT;
    size_t rest = has - lead - units;
    gap_remove(heap, gap, has);
    if (UNLIKELY(heap->spare != NULL && gap == heap->spare->first))
        heap->spare = NULL;
    if (lead != 0)
        gap_add(heap, gap, lead);
    word_put(heap, at, head_of(units, index, lead != 0));
    if (rest != 0)
        gap_add(heap, at + units * UNIT, rest);
    else
        tell_next(heap, at + units * UNIT, false);
    return at + HEAD;
}

bool cairn__compact_free_chunk(cairn_compact *heap, char *at)
{
    uint64_t head = word_get(heap, at);
    size_t units = head_units(head);
    char *next = at + units * UNIT;
    uint64_t next_head = word_get(heap, next);
    if (head_is_gap(next_head)) {
        gap_remove(heap, next, head_units(next_head));
        units += head_units(next_head);
    } else {
        word_put(heap, next, next_head | BEFORE_IS_GAP);
    }
    if ((head & BEFORE_IS_GAP) != 0) {
        char *gap = gap_before(heap, at);
        gap_remove(heap, gap, (size_t)(at - gap) / UNIT);
        units += (size_t)(at - gap) / UNIT;
        at = gap;
    }
    gap_add(heap, at, units);
    struct region *region = cairn__compact_region_of(heap, at);
    cairn__compact_disturb(heap, region, at);
    bool emptied = at == region->first && at + units * UNIT == region->end;
    if (UNLIKELY(emptied))
        cairn__compact_region_emptied(heap, region);
    return emptied;
}

/* A head is no more: what compaction has noted of it is true of the chunk that it now lies in. */
static void forget_head(cairn_compact *heap, const char *head, char *inside)
{
    struct region *region = cairn__compact_region_of(heap, inside);
    if (region->cursor == head)
        region->cursor = inside;
    if (region->left == head)
        region->left = inside;
}

bool cairn__compact_resize_chunk(cairn_compact *heap, char *at, size_t units)
{
    uint64_t head = word_get(heap, at);
    size_t had = head_units(head);
    char *end = at + units * UNIT;
    if (units == had)
        return true;
    if (units < had) {
        word_put(heap, at, head - (had - units));
        word_put(heap, end, head_of(had - units, INDEX_LIMIT, false));
        cairn__compact_free_chunk(heap, end);
        return true;
    }
    char *gap = at + had * UNIT;
    uint64_t gap_head = word_get(heap, gap);
    size_t has = head_units(gap_head);
    if (!head_is_gap(gap_head) || has < units - had)
        return false;
    gap_remove(heap, gap, has);
    forget_head(heap, gap, at);
    word_put(heap, at, head + (units - had));
    if (had + has > units)
        gap_add(heap, end, had + has - units);
    else
        tell_next(heap, end, false);
    return true;
}

void cairn__compact_open(cairn_compact *heap, struct region *region)
{
    word_put(heap, region->end, head_of(0, INDEX_LIMIT, true));
    gap_add(heap, region->first, (size_t)(region->end - region->first) / UNIT);
}

void cairn__compact_close(cairn_compact *heap, struct region *region)
{
    gap_remove(heap, region->first, (size_t)(region->end - region->first) / UNIT);
}

/* ---- moves ---- */

/* Of a block that nobody may touch at this time, before or after. */
static void move_bytes(const cairn_compact *heap, char *to, char *from, size_t size)
{
    if (UNLIKELY(heap->is_watched)) {
        size_t apart = to < from ? (size_t)(from - to) : size;
        cairn__show_readable(from, size);
        cairn__show_usable(to, size_min(size, apart));
    }
    memmove(to, from, size);
    if (UNLIKELY(heap->is_watched)) {
        cairn__show_unused(from, round_up(size, HEAD));
        cairn__show_unused(to, round_up(size, HEAD));
    }
}

static void move_block(cairn_compact *heap, struct place *place, char *to, size_t units)
{
    if (!place->is_fresh)
        move_bytes(heap, to + HEAD, place->block, units * UNIT - HEAD - place->slack);
    place->block = to + HEAD;
    heap->moved_blocks++;
    heap->moved_bytes += units * UNIT;
}

char *cairn__compact_slide(cairn_compact *heap, struct place *place, char *gap, char *to)
{
    char *from = place_head(place);
    uint64_t head = word_get(heap, from);
    size_t units = head_units(head), lead = (size_t)(to - gap) / UNIT;
    char *end = from + units * UNIT;
    uint64_t end_head = word_get(heap, end);
    gap_remove(heap, gap, (size_t)(from - gap) / UNIT);
    if (head_is_gap(end_head)) {
        gap_remove(heap, end, head_units(end_head));
        end += head_units(end_head) * UNIT;
    } else {
        word_put(heap, end, end_head | BEFORE_IS_GAP);
    }
    move_block(heap, place, to, units);
    if (lead != 0)
        gap_add(heap, gap, lead);
    word_put(heap, to, head_of(units, head_index(head), lead != 0));
    char *behind = to + units * UNIT;
    gap_add(heap, behind, (size_t)(end - behind) / UNIT);
    return behind;
}

bool cairn__compact_move(cairn_compact *heap, struct place *place, char *gap, char *to)
{
    char *from = place_head(place);
    uint64_t head = word_get(heap, from);
    cairn__compact_cut(heap, gap, to, head_units(head), head_index(head));
    move_block(heap, place, to, head_units(head));
    return cairn__compact_free_chunk(heap, from);
}

void cairn__compact_disturb(cairn_compact *heap, struct region *region, char *at)
{
    if (region->cursor == NULL) {
        heap->unsettled++;
        region->cursor = at;
    } else if (at < region->cursor) {
        region->cursor = at;
    }
    /* What was left from here on is met again. */
    if (region->left != NULL && at <= region->left)
        region->left = NULL;
}
