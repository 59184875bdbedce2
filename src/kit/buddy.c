/* SPDX-License-Identifier: MIT */
/*
 * Blocks in and out of a buddy system: split, merged, resized where they are (Knuth, TAOCP 1, 2.5,
 * algorithms R and S). buddy_block.h has the invariants; buddy_region.c the regions.
 *
 * Of a split the lower half is used, so that a block that was cut from a larger one can grow back.
 */
#include "kit/buddy_block.h"

#include "base/memory.h"

/* ---- alloc ---- */

static inline void count_in_use(cairn_buddy *buddy, size_t bytes, size_t requested)
{
    buddy->in_use += bytes;
    buddy->requested += requested;
    if (buddy->in_use > buddy->peak)
        buddy->peak = buddy->in_use;
}

/* From `order` down to `wanted`: the upper halves become free. */
QUIET static inline void split(cairn_buddy *buddy, const region *r, uintptr_t at, unsigned order,
                               unsigned wanted)
{
    while (order > wanted) {
        order--;
        put_free(buddy, r, at + bytes_of(buddy, order), order);
    }
    *mark_at(buddy, r, at) = (unsigned char)(MARK_IN_USE | wanted);
}

QUIET static inline void *alloc(cairn_buddy *buddy, cairn_layout layout)
{
    unsigned order = order_for(buddy, layout);
    if (UNLIKELY(order > buddy->max_order))
        return NULL;
    uint32_t map = buddy->map & ~(uint32_t)0 << order;
    if (UNLIKELY(map == 0)) {
        if (!cairn__buddy_grow(buddy, order))
            return NULL;
        map = buddy->map & ~(uint32_t)0 << order;
    }
    unsigned found = lowest_bit32(map);
    block *b = buddy->lists[found];
    region *r = region_of(buddy, b);
    list_remove(buddy, b, found);
    split(buddy, r, (uintptr_t)b, found, order);
    count_in_use(buddy, bytes_of(buddy, order), layout.size);
    return b;
}

/* ---- dealloc ---- */

/* The region of ptr if a block in use begins there that fits the layout; else NULL, and counted. */
QUIET static inline region *check(cairn_buddy *buddy, const void *ptr, cairn_layout layout)
{
    region *r = region_of(buddy, ptr);
    if (LIKELY(r != NULL && is_aligned((uintptr_t)ptr - r->start, bytes_of(buddy, 0)) &&
               *mark_at(buddy, r, (uintptr_t)ptr) == (MARK_IN_USE | order_for(buddy, layout)))) {
        buddy->recent = r;
        return r;
    }
    buddy->refused++;
    return NULL;
}

/* Whether the block of `order` at `at` is free as a whole. */
QUIET static inline bool is_free_at(const cairn_buddy *buddy, const region *r, uintptr_t at,
                                    unsigned order)
{
    return is_inside(r, (void *)at) && *mark_at(buddy, r, at) == (MARK_FREE | order);
}

QUIET static inline void give(cairn_buddy *buddy, region *r, uintptr_t at, unsigned order)
{
    *mark_at(buddy, r, at) = 0;
    while (order < buddy->max_order) {
        uintptr_t other = at ^ bytes_of(buddy, order);
        if (!is_free_at(buddy, r, other, order))
            break;
        take_free(buddy, r, other, order);
        at &= ~(uintptr_t)bytes_of(buddy, order);
        order++;
    }
    put_free(buddy, r, at, order);
    if (UNLIKELY(bytes_of(buddy, order) == r->span && r->size != 0))
        cairn__buddy_emptied(buddy, r);
}

/* Ends a block that check has passed. */
static inline void end_block(cairn_buddy *buddy, region *r, void *ptr, cairn_layout layout)
{
    unsigned order = order_for(buddy, layout);
    buddy->in_use -= bytes_of(buddy, order);
    buddy->requested -= layout.size;
    give(buddy, r, (uintptr_t)ptr, order);
}

static inline bool dealloc(cairn_buddy *buddy, void *ptr, cairn_layout layout)
{
    region *r = check(buddy, ptr, layout);
    if (UNLIKELY(r == NULL))
        return false;
    end_block(buddy, r, ptr, layout);
    return true;
}

/* ---- realloc ---- */

/* Whether the block at `at` is the lower half of ever larger ones whose upper halves are free. */
static bool can_grow(const cairn_buddy *buddy, const region *r, uintptr_t at, unsigned order,
                     unsigned wanted)
{
    for (; order < wanted; order++)
        if ((at & bytes_of(buddy, order)) != 0 ||
            !is_free_at(buddy, r, at + bytes_of(buddy, order), order))
            return false;
    return true;
}

QUIET static bool resize(cairn_buddy *buddy, const region *r, uintptr_t at, unsigned order,
                         unsigned wanted)
{
    if (wanted > buddy->max_order || !can_grow(buddy, r, at, order, wanted))
        return false;
    for (; order < wanted; order++)
        take_free(buddy, r, at + bytes_of(buddy, order), order);
    split(buddy, r, at, order, wanted);
    return true;
}

static COLD void show_resized(cairn_buddy *buddy, void *ptr, size_t size, size_t new_size)
{
    cairn__show_dealloc(buddy, ptr, size);
    cairn__show_alloc(buddy, ptr, new_size);
    cairn__show_readable(ptr, size_min(size, new_size));
}

/* From one block to another. What ends may take its region with it: tools hear of it before. */
static void *move(cairn_buddy *buddy, region *r, void *ptr, cairn_layout layout, size_t new_size)
{
    void *moved = alloc(buddy, cairn__layout(new_size, layout.align));
    if (moved == NULL)
        return NULL;
    if (buddy->is_watched)
        cairn__show_alloc(buddy, moved, new_size);
    memcpy(moved, ptr, size_min(layout.size, new_size));
    if (buddy->is_watched)
        cairn__show_dealloc(buddy, ptr, layout.size);
    end_block(buddy, r, ptr, layout);
    return moved;
}

static void *reallocate(cairn_buddy *buddy, void *ptr, cairn_layout layout, size_t new_size)
{
    region *r = check(buddy, ptr, layout);
    if (UNLIKELY(r == NULL))
        return NULL;
    unsigned order = order_for(buddy, layout);
    unsigned wanted = order_for(buddy, cairn__layout(new_size, layout.align));
    if (!resize(buddy, r, (uintptr_t)ptr, order, wanted))
        return move(buddy, r, ptr, layout, new_size);
    count_in_use(buddy, bytes_of(buddy, wanted) - bytes_of(buddy, order),
                 new_size - layout.size); /* less, if they wrap */
    if (buddy->is_watched)
        show_resized(buddy, ptr, layout.size, new_size);
    return ptr;
}

/* ---- where tools watch ---- */

static COLD void *alloc_watched(cairn_buddy *buddy, cairn_layout layout)
{
    cairn__quiet_begin();
    void *ptr = alloc(buddy, layout);
    cairn__quiet_end();
    if (ptr != NULL)
        cairn__show_alloc(buddy, ptr, layout.size);
    return ptr;
}

static COLD bool dealloc_watched(cairn_buddy *buddy, void *ptr, cairn_layout layout)
{
    cairn__quiet_begin();
    region *r = check(buddy, ptr, layout);
    if (r != NULL) {
        cairn__show_dealloc(buddy, ptr, layout.size);
        end_block(buddy, r, ptr, layout);
    }
    cairn__quiet_end();
    return r != NULL;
}

static COLD void *reallocate_watched(cairn_buddy *buddy, void *ptr, cairn_layout layout,
                                     size_t new_size)
{
    cairn__quiet_begin();
    void *resized = reallocate(buddy, ptr, layout, new_size);
    cairn__quiet_end();
    return resized;
}

/* ---- the functions of the interface ---- */

CAIRN_EXPORT void *cairn_buddy_alloc(cairn_buddy *buddy, cairn_layout layout)
{
    if (UNLIKELY(!cairn_layout_is_valid(layout)))
        return NULL;
    return UNLIKELY(buddy->is_watched) ? alloc_watched(buddy, layout) : alloc(buddy, layout);
}

CAIRN_EXPORT bool cairn_buddy_dealloc(cairn_buddy *buddy, void *ptr, cairn_layout layout)
{
    if (UNLIKELY(ptr == NULL))
        return false;
    return UNLIKELY(buddy->is_watched) ? dealloc_watched(buddy, ptr, layout)
                                       : dealloc(buddy, ptr, layout);
}

CAIRN_EXPORT void *cairn_buddy_realloc(cairn_buddy *buddy, void *ptr, cairn_layout layout,
                                       size_t new_size)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(new_size, layout.align))))
        return NULL;
    if (ptr == NULL)
        return cairn_buddy_alloc(buddy, cairn__layout(new_size, layout.align));
    return UNLIKELY(buddy->is_watched) ? reallocate_watched(buddy, ptr, layout, new_size)
                                       : reallocate(buddy, ptr, layout, new_size);
}

CAIRN_EXPORT bool cairn_buddy_owns(const cairn_buddy *buddy, const void *ptr)
{
    bool owns = false;
    if (buddy->is_watched)
        cairn__quiet_begin();
    owns = region_of(buddy, ptr) != NULL;
    if (buddy->is_watched)
        cairn__quiet_end();
    return owns;
}

static void *buddy_alloc(void *self, cairn_layout layout)
{
    return cairn_buddy_alloc(self, layout);
}

static void buddy_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_buddy_dealloc(self, ptr, layout);
}

static void *buddy_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    return cairn_buddy_realloc(self, ptr, layout, new_size);
}

static bool buddy_owns(void *self, const void *ptr)
{
    return cairn_buddy_owns(self, ptr);
}

/* Tools see the bytes that were asked for, and no more. */
static size_t buddy_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr;
    const cairn_buddy *buddy = self;
    return buddy->is_watched ? layout.size : bytes_of(buddy, order_for(buddy, layout));
}

CAIRN_EXPORT cairn_allocator cairn_buddy_allocator(cairn_buddy *buddy)
{
    static const cairn_allocator_ops ops = {
        .name = "buddy",
        .alloc = buddy_alloc,
        .dealloc = buddy_dealloc,
        .realloc = buddy_realloc,
        .owns = buddy_owns,
        .usable_size = buddy_usable_size,
    };
    return (cairn_allocator){&ops, buddy};
}
