/* SPDX-License-Identifier: MIT */
/*
 * A buddy system from its beginning to its end, and the regions it works in.
 * A span from the source is one block of a power of two, half as large as
 * all before it together or larger, so that n bytes lie in O(log n) regions. One that becomes empty
 * is kept if no other is.
 */
#include "kit/buddy_block.h"

#include "base/memory.h"

#ifndef CAIRN_FREESTANDING
#include "cairn/system.h"
#endif

static cairn_allocator source_or_system(cairn_allocator source)
{
#ifndef CAIRN_FREESTANDING
    if (source.ops == NULL)
        source = cairn_system();
#endif
    return source;
}

static void quiet_begin(const cairn_buddy *buddy)
{
    if (buddy->is_watched)
        cairn__quiet_begin();
}

static void quiet_end(const cairn_buddy *buddy)
{
    if (buddy->is_watched)
        cairn__quiet_end();
}

/* ---- regions ---- */

/* The order of the largest block that may begin at `at` and ends in `left` bytes. */
static unsigned order_at(const cairn_buddy *buddy, uintptr_t at, size_t left)
{
    unsigned order = highest_bit(left) - buddy->shift;
    if (order > buddy->max_order)
        order = buddy->max_order;
    while (!is_aligned(at, bytes_of(buddy, order)))
        order--;
    return order;
}

/* All of r is free, in as few blocks as its bounds allow. */
QUIET static void make_empty(cairn_buddy *buddy, const region *r)
{
    if (buddy->is_watched)
        cairn__show_usable(r->marks, units_of(buddy, r));
    memset(r->marks, 0, units_of(buddy, r));
    if (buddy->is_watched)
        cairn__show_unused(r->marks, units_of(buddy, r));
    uintptr_t at = r->start;
    for (size_t left = r->span; left != 0;) {
        unsigned order = order_at(buddy, at, left);
        put_free(buddy, r, at, order);
        at += bytes_of(buddy, order);
        left -= bytes_of(buddy, order);
    }
}

QUIET static void begin_region(cairn_buddy *buddy, region *r, region filled)
{
    *r = filled;
    r->next = buddy->regions;
    buddy->regions = r;
    make_empty(buddy, r);
}

/* Units that there is room for between start and end, their marks before them; where they begin. */
static size_t units_between(const cairn_buddy *buddy, uintptr_t start, uintptr_t end,
                            uintptr_t *first)
{
    size_t units = 0;
    *first = start;
    for (size_t bit = (size_t)1 << highest_bit((end - start) | 1); bit != 0; bit >>= 1) {
        uintptr_t at = round_up(start + units + bit, bytes_of(buddy, 0));
        if (at >= start && at <= end && (end - at) >> buddy->shift >= units + bit) {
            units += bit;
            *first = at;
        }
    }
    return units;
}

static bool add_region(cairn_buddy *buddy, void *buffer, size_t size)
{
    uintptr_t at = (uintptr_t)buffer, start = round_up(at, _Alignof(region)), first;
    if (buffer == NULL || size > PTRDIFF_MAX || size > UINTPTR_MAX - at ||
        size < start - at + sizeof(region))
        return false;
    uintptr_t marks = start + sizeof(region);
    size_t units = units_between(buddy, marks, at + size, &first);
    if (units == 0)
        return false;
    if (buddy->is_watched)
        cairn__show_unused((void *)start, first - start + (units << buddy->shift));
    begin_region(
        buddy, (region *)start,
        (region){.start = first, .span = units << buddy->shift, .marks = (unsigned char *)marks});
    return true;
}

CAIRN_EXPORT bool cairn_buddy_add_region(cairn_buddy *buddy, void *buffer, size_t size)
{
    quiet_begin(buddy);
    bool done = add_region(buddy, buffer, size);
    quiet_end(buddy);
    return done;
}

/* ---- regions of the source ---- */

/* A block of `order`, the region behind it, and the marks behind that. */
static cairn_layout span_layout(const cairn_buddy *buddy, unsigned order)
{
    size_t block_size = bytes_of(buddy, order);
    size_t align = size_max(block_size, _Alignof(region));
    size_t units = (size_t)1 << order;
    return cairn_layout_from_size_align(block_size + sizeof(region) + units, align);
}

static bool take_region(cairn_buddy *buddy, unsigned order)
{
    cairn_layout layout = span_layout(buddy, order);
    if (!cairn_layout_is_valid(layout) ||
        (buddy->limit != 0 &&
         (buddy->taken > buddy->limit || layout.size > buddy->limit - buddy->taken)))
        return false;
    char *span = cairn_allocator_alloc(buddy->source, layout);
    if (span == NULL)
        return false;
    buddy->taken += layout.size;
    if (buddy->is_watched)
        cairn__show_unused(span, layout.size);
    region *r = (region *)(span + bytes_of(buddy, order));
    begin_region(buddy, r,
                 (region){.start = (uintptr_t)span,
                          .span = bytes_of(buddy, order),
                          .marks = (unsigned char *)(r + 1),
                          .size = layout.size});
    return true;
}

bool cairn__buddy_grow(cairn_buddy *buddy, unsigned order)
{
    if (buddy->source.ops == NULL)
        return false;
    size_t wish = size_max(buddy->region_min, buddy->taken / 2);
    unsigned wish_order = order_for(buddy, cairn__layout(wish, 1));
    if (wish_order > buddy->max_order)
        wish_order = buddy->max_order;
    /* Near the limit, half of the wish and half of that: not a region for each block. */
    for (; wish_order > order; wish_order--)
        if (take_region(buddy, wish_order))
            return true;
    return take_region(buddy, order);
}

/* r is out of the list of regions. */
QUIET static void give_region(cairn_buddy *buddy, region *r)
{
    size_t size = r->size;
    void *span = (void *)r->start;
    cairn_layout layout = span_layout(buddy, highest_bit(r->span) - buddy->shift);
    if (buddy->recent == r)
        buddy->recent = NULL;
    if (buddy->spare == r)
        buddy->spare = NULL;
    if (buddy->is_watched)
        cairn__show_usable(span, size);
    buddy->taken -= size;
    cairn_allocator_dealloc(buddy->source, span, layout);
}

QUIET static bool is_empty(const cairn_buddy *buddy, const region *r)
{
    return r->size != 0 && r->marks[0] == (MARK_FREE | (highest_bit(r->span) - buddy->shift));
}

QUIET static void give_empty(cairn_buddy *buddy, region *r)
{
    region **link = &buddy->regions;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    list_remove(buddy, (block *)r->start, highest_bit(r->span) - buddy->shift);
    give_region(buddy, r);
}

COLD void cairn__buddy_emptied(cairn_buddy *buddy, region *r)
{
    region *spare = buddy->spare;
    if (spare == NULL || spare == r || !is_empty(buddy, spare)) {
        buddy->spare = r;
        return;
    }
    bool older = source_size_of(spare) > source_size_of(r);
    give_empty(buddy, older ? spare : r);
    buddy->spare = older ? r : spare;
}

CAIRN_EXPORT size_t cairn_buddy_trim(cairn_buddy *buddy)
{
    size_t before = buddy->taken;
    quiet_begin(buddy);
    for (region *r = buddy->regions, *next; r != NULL; r = next) {
        next = region_after(r);
        if (is_empty(buddy, r))
            give_empty(buddy, r);
    }
    quiet_end(buddy);
    return before - buddy->taken;
}

/* ---- from beginning to end ---- */

static bool choose(cairn_buddy *buddy, const cairn_buddy_opts *opts)
{
    static const cairn_buddy_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    size_t min_block = opts->min_block != 0 ? opts->min_block : 64;
    if (!is_power_of_two(min_block) || min_block < sizeof(block) || min_block > PTRDIFF_MAX / 4)
        return false;
    buddy->shift = (unsigned char)highest_bit(min_block);
    buddy->max_order = (unsigned char)size_min(ORDERS - 1, sizeof(size_t) * 8 - 2 - buddy->shift);
    buddy->is_watched = cairn__is_watched();
    buddy->source = opts->source;
    buddy->limit = opts->limit;
    buddy->region_min = size_min(opts->region != 0 ? opts->region : MIB, PTRDIFF_MAX / 2);
    return true;
}

CAIRN_EXPORT bool cairn_buddy_init(cairn_buddy *buddy, void *buffer, size_t size,
                                   const cairn_buddy_opts *opts)
{
    memset(buddy, 0, sizeof *buddy);
    bool is_good = choose(buddy, opts);
    if (is_good)
        is_good = buffer != NULL ? cairn_buddy_add_region(buddy, buffer, size)
                                 : size == 0 && buddy->source.ops != NULL;
    if (!is_good)
        memset(buddy, 0, sizeof *buddy);
    else if (buddy->is_watched)
        cairn__show_begin(buddy);
    return is_good;
}

QUIET static void show_caller(const cairn_buddy *buddy, region *r)
{
    if (buddy->is_watched)
        cairn__show_usable(r, r->start + r->span - (uintptr_t)r);
}

CAIRN_EXPORT void cairn_buddy_fini(cairn_buddy *buddy)
{
    if (buddy->shift == 0)
        return;
    if (buddy->is_watched)
        cairn__show_end(buddy); /* before: memcheck hides live blocks when it hears of it */
    quiet_begin(buddy);
    while (buddy->regions != NULL) {
        region *r = buddy->regions;
        buddy->regions = region_after(r);
        if (source_size_of(r) != 0)
            give_region(buddy, r);
        else
            show_caller(buddy, r);
    }
    quiet_end(buddy);
    memset(buddy, 0, sizeof *buddy);
}

CAIRN_EXPORT cairn_buddy *cairn_buddy_create(cairn_allocator source, const cairn_buddy_opts *opts)
{
    cairn_buddy_opts chosen = {0};
    if (opts != NULL)
        chosen = *opts;
    chosen.source = source_or_system(source);
    cairn_buddy made = {0};
    if (chosen.source.ops == NULL || !choose(&made, &chosen) ||
        (chosen.limit != 0 && chosen.limit < sizeof made))
        return NULL;
    cairn_buddy *buddy = cairn_allocator_alloc(chosen.source, cairn_layout_of(cairn_buddy));
    if (buddy == NULL)
        return NULL;
    *buddy = made;
    buddy->own_size = buddy->taken = sizeof *buddy;
    if (buddy->is_watched)
        cairn__show_begin(buddy);
    return buddy;
}

CAIRN_EXPORT void cairn_buddy_destroy(cairn_buddy *buddy)
{
    if (buddy != NULL) {
        cairn_allocator source = buddy->source;
        cairn_buddy_fini(buddy);
        cairn_allocator_dealloc(source, buddy, cairn_layout_of(cairn_buddy));
    }
}

CAIRN_EXPORT void cairn_buddy_reset(cairn_buddy *buddy)
{
    memset(buddy->lists, 0, sizeof buddy->lists);
    buddy->map = 0;
    buddy->in_use = buddy->requested = 0;
    quiet_begin(buddy);
    if (buddy->is_watched) {
        cairn__show_end(buddy);
        cairn__show_begin(buddy);
    }
    for (const region *r = buddy->regions; r != NULL; r = region_after(r)) {
        if (buddy->is_watched)
            cairn__show_unused((void *)start_of(r), units_of(buddy, r) << buddy->shift);
        make_empty(buddy, r);
    }
    quiet_end(buddy);
}
