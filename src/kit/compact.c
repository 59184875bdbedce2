/* SPDX-License-Identifier: MIT */
/*
 * The compacting heap as the program sees it: handles, blocks, locks and pins. A handle is a place in
 * a table and the generation of what is there. The table is a few segments, each twice as large as
 * the one before, so it grows without moving; and it never shrinks, because the generations in it are
 * what tells a stale handle.
 *
 * At all times
 *     units of a region = sum of its blocks + sum of its gaps
 *     places made = live blocks + free places + places used up + 1
 *     a block's place points to the block, and the block's head names the place
 *
 * To tools a block is memory that nobody may touch, except while it is locked or pinned.
 */
#include "kit/compact_gap.h"

#include <stdatomic.h>

#include "cairn/system.h"

enum {
    REGION_DEFAULT = 1 << 20,
    FIXED_MIN = 1 << 10,
    LOOKS = 16, /* at gaps that may be too small, before there is more to choose from */
    STEP_OF_ALLOC = 256 << 10, /* bytes moved between two looks for a gap */
    COMPACT_AT = 4,            /* a free part of a quarter is worth it */
};

/* Heaps made so far, by which each starts its generations elsewhere. */
static _Atomic uint32_t heaps_made;

/* ---- create, destroy ---- */

static cairn_layout heap_layout(void)
{
    return cairn_layout_of(cairn_compact);
}

CAIRN_EXPORT cairn_compact *cairn_compact_create(const cairn_compact_opts *opts)
{
    static const cairn_compact_opts defaults;
    opts = opts != NULL ? opts : &defaults;
    if (opts->region_size > SIZE_LIMIT ||
        (opts->memory != NULL && (opts->memory_size < FIXED_MIN || opts->memory_size > 64 * GIB)))
        return NULL;
    cairn_allocator source = opts->source.ops != NULL ? opts->source : cairn_system();
    cairn_compact *heap = cairn_allocator_alloc_zeroed(source, heap_layout());
    if (heap == NULL)
        return NULL;
    heap->source = source;
    heap->region_size = opts->region_size != 0 ? opts->region_size : REGION_DEFAULT;
    heap->alloc_budget = opts->alloc_budget;
    heap->trace = opts->trace;
    heap->finalize = opts->finalize;
    heap->context = opts->context;
    heap->is_watched = cairn__is_watched();
    heap->places = 1;
    heap->stack = heap->first_marks;
    heap->stack_capacity = STACK_FIRST;
    heap->overflow = INDEX_LIMIT;
    /* Multiples of 2^32 by the golden ratio lie as far apart as so many points can (D. Knuth, TAOCP
     * 3, 6.4, theorem S). */
    uint32_t number = atomic_fetch_add_explicit(&heaps_made, 1, memory_order_relaxed);
    heap->first_generation = number * 0x9E3779B9u;
    if (opts->memory != NULL && !cairn__compact_region_fix(heap, opts->memory, opts->memory_size)) {
        cairn_compact_destroy(heap);
        return NULL;
    }
    return heap;
}

static cairn_layout segment_layout(unsigned segment)
{
    return cairn__layout(((size_t)SEGMENT_FIRST << segment) * sizeof(struct place), UNIT);
}

CAIRN_EXPORT void cairn_compact_destroy(cairn_compact *heap)
{
    if (heap == NULL)
        return;
    while (heap->first != NULL)
        cairn__compact_region_drop(heap, heap->first);
    for (unsigned i = 0; i < SEGMENTS && heap->segments[i] != NULL; i++)
        cairn_allocator_dealloc(heap->source, heap->segments[i], segment_layout(i));
    cairn__compact_row_end(heap, &heap->by_address, sizeof(struct region *));
    cairn__compact_row_end(heap, &heap->roots, sizeof(cairn_handle *));
    cairn_allocator_dealloc(heap->source, heap, heap_layout());
}

/* ---- places ---- */

/* 0: the source has no memory, or all of 2^31 are in use. */
static uint32_t place_take(cairn_compact *heap)
{
    uint32_t index = heap->free_place;
    if (index != 0) {
        heap->free_place = place_at(heap, index)->next;
        return index;
    }
    index = heap->places;
    if (index >= heap->capacity) {
        unsigned segment = log2_floor((size_t)heap->capacity + SEGMENT_FIRST) - 6;
        if (segment == SEGMENTS)
            return 0;
        struct place *places = cairn_allocator_alloc(heap->source, segment_layout(segment));
        if (places == NULL)
            return 0;
        heap->segments[segment] = places;
        heap->capacity += (uint32_t)SEGMENT_FIRST << segment;
    }
    heap->places++;
    *place_at(heap, index) = (struct place){.generation = heap->first_generation};
    return index;
}

static void place_give(cairn_compact *heap, uint32_t index)
{
    struct place *place = place_at(heap, index);
    place->block = NULL;
    place->next = heap->free_place;
    heap->free_place = index;
}

/* The handle of this place is stale from now on. */
static void place_end(cairn_compact *heap, uint32_t index)
{
    struct place *place = place_at(heap, index);
    place->generation++;
    if (LIKELY(place->generation != heap->first_generation)) {
        place_give(heap, index);
        return;
    }
    place->block = NULL;
    place->next = INDEX_LIMIT;
}

CAIRN_EXPORT cairn_handle_state cairn_compact_state_of(const cairn_compact *heap,
                                                       cairn_handle handle)
{
    if (handle.index == 0)
        return handle.generation == 0 ? CAIRN_HANDLE_NONE : CAIRN_HANDLE_FOREIGN;
    if (handle.index >= heap->places)
        return CAIRN_HANDLE_FOREIGN;
    const struct place *place = place_at(heap, handle.index);
    uint32_t age = handle.generation - heap->first_generation;
    uint32_t age_of_next = place->generation - heap->first_generation;
    if (age == age_of_next && place->block != NULL)
        return CAIRN_HANDLE_LIVE;
    bool used_up = place->block == NULL && place->next == INDEX_LIMIT;
    return age < age_of_next || used_up ? CAIRN_HANDLE_STALE : CAIRN_HANDLE_FOREIGN;
}

/* ---- blocks ---- */

static size_t units_of(size_t size)
{
    return size_max((size + HEAD + UNIT - 1) / UNIT, UNITS_MIN);
}

COLD void cairn__compact_show(const cairn_compact *heap, const struct place *place)
{
    if (place->is_fresh)
        cairn__show_usable(place->block, place_size(heap, place));
    else
        cairn__show_readable(place->block, place_size(heap, place));
}

COLD void cairn__compact_hide(const cairn_compact *heap, const struct place *place)
{
    cairn__show_unused(place->block, round_up(place_size(heap, place), HEAD));
}

/* A gap after compaction; NULL: it cannot make one. */
static char *find_after_moves(cairn_compact *heap, size_t units, size_t align)
{
    size_t left = heap->alloc_budget;
    bool more = heap->free_units >= units;
    while (more && left > 0) {
        size_t spent = 0;
        more = cairn__compact_step(heap, size_min(left, STEP_OF_ALLOC), &spent);
        left -= size_min(left, spent);
        char *gap = cairn__compact_find(heap, units, align, more ? LOOKS : SIZE_MAX);
        if (gap != NULL)
            return gap;
    }
    return NULL;
}

/* A block for this place; NULL: no memory. Others may have moved. */
static char *obtain(cairn_compact *heap, size_t units, size_t align, uint32_t index)
{
    char *gap = cairn__compact_find(heap, units, align, LOOKS);
    if (UNLIKELY(gap == NULL)) {
        bool compacts = heap->free_units * UNIT >= heap->region_bytes / COMPACT_AT;
        if (compacts)
            gap = find_after_moves(heap, units, align);
        if (gap == NULL && heap->fixed == NULL)
            gap = cairn__compact_region_take(heap, units + align / UNIT - 1);
        if (gap == NULL)
            gap = cairn__compact_find(heap, units, align, SIZE_MAX);
        if (gap == NULL && !compacts)
            gap = find_after_moves(heap, units, align);
        if (gap == NULL)
            return NULL;
    }
    return cairn__compact_cut(heap, gap, aligned_head(gap, align), units, index);
}

static cairn_handle alloc(cairn_compact *heap, size_t size, size_t align)
{
    const cairn_handle none = {0, 0};
    if (UNLIKELY(!is_power_of_two(align) || align > CAIRN_COMPACT_ALIGN_MAX || size > SIZE_LIMIT ||
                 heap->phase != AT_REST))
        return none;
    align = size_max(align, UNIT);
    uint32_t index = place_take(heap);
    if (UNLIKELY(index == 0))
        return none;
    size_t units = units_of(size);
    char *block = obtain(heap, units, align, index);
    if (UNLIKELY(block == NULL)) {
        place_give(heap, index);
        return none;
    }
    struct place *place = place_at(heap, index);
    *place = (struct place){.block = block, .generation = place->generation};
    place->align = log2_floor(align / UNIT) & 15;
    place->slack = (units * UNIT - HEAD - size) & 31;
    place->is_fresh = true;
    heap->blocks++;
    heap->bytes += size;
    return (cairn_handle){index, place->generation};
}

CAIRN_EXPORT cairn_handle cairn_compact_alloc(cairn_compact *heap, size_t size, size_t align)
{
    return alloc(heap, size, align);
}

CAIRN_EXPORT cairn_handle cairn_compact_alloc_zeroed(cairn_compact *heap, size_t size, size_t align)
{
    cairn_handle handle = alloc(heap, size, align);
    void *block = cairn_compact_lock(heap, handle);
    if (block != NULL) {
        memset(block, 0, size);
        cairn_compact_unlock(heap, handle);
    }
    return handle;
}

void cairn__compact_end_block(cairn_compact *heap, uint32_t index)
{
    struct place *place = place_at(heap, index);
    char *at = place_head(place);
    heap->blocks--;
    heap->bytes -= place_size(heap, place);
    place_end(heap, index);
    cairn__compact_free_chunk(heap, at);
}

CAIRN_EXPORT bool cairn_compact_dealloc(cairn_compact *heap, cairn_handle handle)
{
    const struct place *place = place_of(heap, handle);
    if (UNLIKELY(place == NULL || !place_is_movable(place) || heap->phase != AT_REST))
        return false;
    cairn__compact_end_block(heap, handle.index);
    return true;
}

CAIRN_EXPORT size_t cairn_compact_size(const cairn_compact *heap, cairn_handle handle)
{
    const struct place *place = place_of(heap, handle);
    return place != NULL ? place_size(heap, place) : 0;
}

/* ---- resize ---- */

/* Elsewhere, its contents with it. False: no memory. */
static bool resize_by_move(cairn_compact *heap, uint32_t index, size_t units, size_t kept)
{
    struct place *place = place_at(heap, index);
    char *block = obtain(heap, units, place_align(place), index);
    if (block == NULL)
        return false;
    char *old = place->block; /* obtain may have moved it */
    if (!place->is_fresh) {
        if (heap->is_watched) {
            cairn__show_readable(old, kept);
            cairn__show_usable(block, kept);
        }
        memcpy(block, old, kept);
    }
    if (heap->is_watched) {
        cairn__show_unused(old, round_up(kept, HEAD));
        cairn__show_unused(block, round_up(kept, HEAD));
    }
    place->block = block;
    cairn__compact_free_chunk(heap, old - HEAD);
    return true;
}

CAIRN_EXPORT bool cairn_compact_resize(cairn_compact *heap, cairn_handle handle, size_t size)
{
    struct place *place = place_of(heap, handle);
    if (UNLIKELY(place == NULL || size > SIZE_LIMIT || heap->phase != AT_REST))
        return false;
    size_t old_size = place_size(heap, place), units = units_of(size);
    bool movable = place_is_movable(place);
    if (!movable)
        place_hide(heap, place);
    bool done = cairn__compact_resize_chunk(heap, place_head(place), units) ||
                (movable && resize_by_move(heap, handle.index, units, size_min(size, old_size)));
    if (done) {
        place->slack = (units * UNIT - HEAD - size) & 31;
        heap->bytes += size - old_size;
    }
    if (!movable)
        place_show(heap, place);
    return done;
}

/* ---- locks and pins ---- */

CAIRN_EXPORT void *cairn_compact_lock(cairn_compact *heap, cairn_handle handle)
{
    struct place *place = place_of(heap, handle);
    if (UNLIKELY(place == NULL || place->locks == CAIRN_COMPACT_LOCKS_MAX))
        return NULL;
    if (place_is_movable(place))
        place_show(heap, place);
    place->is_fresh = false;
    place->locks = (place->locks + 1u) & CAIRN_COMPACT_LOCKS_MAX;
    return place->block;
}

/* Nobody has a pointer to the block any more. */
static void set_free(cairn_compact *heap, struct place *place)
{
    place_hide(heap, place);
    if (!place->was_in_way)
        return;
    place->was_in_way = false;
    char *at = place_head(place);
    struct region *region = cairn__compact_region_of(heap, at);
    if (region->left != NULL && region->left < at)
        at = region->left;
    else if ((word_get(heap, at) & BEFORE_IS_GAP) != 0)
        at = gap_before(heap, at);
    cairn__compact_disturb(heap, region, at);
}

CAIRN_EXPORT bool cairn_compact_unlock(cairn_compact *heap, cairn_handle handle)
{
    struct place *place = place_of(heap, handle);
    if (UNLIKELY(place == NULL || place->locks == 0))
        return false;
    place->locks = (place->locks - 1u) & CAIRN_COMPACT_LOCKS_MAX;
    if (place_is_movable(place))
        set_free(heap, place);
    return true;
}

/* Moves a block to the end of the region's last gap before its pinned blocks, if it is not there. */
static bool move_to_end(cairn_compact *heap, struct place *place, struct region *region)
{
    if (region == NULL || (word_get(heap, region->ceiling) & BEFORE_IS_GAP) == 0)
        return false;
    char *gap = gap_before(heap, region->ceiling), *from = place_head(place);
    size_t size = head_units(word_get(heap, from)) * UNIT;
    if (from > gap && from <= region->end)
        return true;
    if ((size_t)(region->ceiling - gap) < size)
        return false;
    uintptr_t lowest = (uintptr_t)gap + HEAD, highest = (uintptr_t)region->ceiling - size + HEAD;
    uintptr_t block = round_down(highest, place_align(place));
    if (block < lowest)
        return false;
    char *to = gap + (block - lowest);
    cairn__compact_move(heap, place, gap, to);
    region->ceiling = to;
    heap->pinned = region;
    return true;
}

CAIRN_EXPORT void *cairn_compact_pin(cairn_compact *heap, cairn_handle handle)
{
    struct place *place = place_of(heap, handle);
    if (UNLIKELY(place == NULL || place->pins == CAIRN_COMPACT_PINS_MAX))
        return NULL;
    if (place_is_movable(place)) {
        if (heap->phase == AT_REST && !move_to_end(heap, place, heap->pinned))
            move_to_end(heap, place, cairn__compact_region_of(heap, place_head(place)));
        place_show(heap, place);
    }
    place->is_fresh = false;
    place->pins = (place->pins + 1u) & CAIRN_COMPACT_PINS_MAX;
    return place->block;
}

/* The next pinned block above, or the end. */
static char *next_ceiling(const cairn_compact *heap, const struct region *region)
{
    char *at = region->ceiling;
    for (;;) {
        at += head_units(word_get(heap, at)) * UNIT;
        uint32_t index = head_index(word_get(heap, at));
        if (index == INDEX_LIMIT || (index != 0 && place_at(heap, index)->pins != 0))
            return at;
    }
}

CAIRN_EXPORT bool cairn_compact_unpin(cairn_compact *heap, cairn_handle handle)
{
    struct place *place = place_of(heap, handle);
    if (UNLIKELY(place == NULL || place->pins == 0))
        return false;
    place->pins = (place->pins - 1u) & CAIRN_COMPACT_PINS_MAX;
    if (place->pins == 0) {
        struct region *region = cairn__compact_region_of(heap, place_head(place));
        if (place_head(place) == region->ceiling)
            region->ceiling = next_ceiling(heap, region);
    }
    if (place_is_movable(place))
        set_free(heap, place);
    return true;
}

/* ---- the whole heap ---- */

CAIRN_EXPORT bool cairn_compact_step(cairn_compact *heap, size_t budget)
{
    size_t spent = 0;
    return heap->phase == AT_REST && cairn__compact_step(heap, budget, &spent);
}

CAIRN_EXPORT size_t cairn_compact_trim(cairn_compact *heap)
{
    if (heap->spare == NULL || heap->phase != AT_REST)
        return 0;
    size_t size = heap->spare->size;
    cairn__compact_region_give(heap, heap->spare);
    return size;
}
