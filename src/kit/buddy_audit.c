/* SPDX-License-Identifier: MIT */
/*
 * Looks at a buddy system: audit, visit, statistics. Marks may be wrong here, so a walk goes only
 * where a block ends in its region, and a link is followed only to what is free by its mark.
 */
#include "kit/buddy_block.h"

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

/* The region of the lowest blocks above those of `last`; NULL: none. */
static const region *region_above(const cairn_buddy *buddy, const region *last)
{
    const region *found = NULL;
    for (const region *r = buddy->regions; r != NULL; r = region_after(r))
        if ((last == NULL || start_of(r) > start_of(last)) &&
            (found == NULL || start_of(r) < start_of(found)))
            found = r;
    return found;
}

static bool visit_region(const cairn_buddy *buddy, const region *r, cairn_visitor *visitor,
                         void *context)
{
    size_t units = units_of(buddy, r);
    for (size_t unit = 0; unit < units;) {
        unsigned mark = mark_of_unit(r, unit), order = mark & MARK_ORDER;
        void *ptr = (void *)(start_of(r) + (unit << buddy->shift));
        quiet_end(buddy);
        bool goes_on = visitor(context, ptr, bytes_of(buddy, order), (mark & MARK_IN_USE) != 0);
        quiet_begin(buddy);
        if (!goes_on)
            return false;
        unit += (size_t)1 << order;
    }
    return true;
}

CAIRN_EXPORT bool cairn_buddy_visit(const cairn_buddy *buddy, cairn_visitor *visitor, void *context)
{
    bool all = true;
    quiet_begin(buddy);
    const region *r = NULL;
    while (all && (r = region_above(buddy, r)) != NULL)
        all = visit_region(buddy, r, visitor, context);
    quiet_end(buddy);
    return all;
}

static bool count_block(void *context, void *ptr, size_t size, bool in_use)
{
    (void)ptr;
    cairn_buddy_stats *stats = context;
    if (in_use) {
        stats->in_use += size;
        stats->blocks++;
        return true;
    }
    stats->free += size;
    stats->free_blocks++;
    if (size > stats->largest_free)
        stats->largest_free = size;
    return true;
}

CAIRN_EXPORT void cairn_buddy_stats_get(const cairn_buddy *buddy, cairn_buddy_stats *stats)
{
    *stats = (cairn_buddy_stats){
        .requested = buddy->requested, .peak = buddy->peak, .refused = buddy->refused};
    cairn_buddy_visit(buddy, count_block, stats);
    quiet_begin(buddy);
    for (const region *r = buddy->regions; r != NULL; r = region_after(r)) {
        size_t units = units_of(buddy, r);
        stats->regions++;
        stats->regions_bytes += units * (bytes_of(buddy, 0) + 1) + sizeof *r;
    }
    quiet_end(buddy);
}

/* ---- audit ---- */

struct sums {
    size_t in_use;
    size_t free[ORDERS]; /* blocks of each order */
};

static bool has_free_buddy(const cairn_buddy *buddy, const region *r, uintptr_t at, unsigned order)
{
    uintptr_t other = at ^ bytes_of(buddy, order);
    if (order == buddy->max_order || !is_inside(r, (void *)other))
        return false;
    return mark_of_unit(r, (other - start_of(r)) >> buddy->shift) == (MARK_FREE | order);
}

/* The block that begins at `unit`. */
static const char *audit_block(const cairn_buddy *buddy, const region *r, size_t unit,
                               struct sums *sums)
{
    unsigned mark = mark_of_unit(r, unit), order = mark & MARK_ORDER;
    uintptr_t at = start_of(r) + (unit << buddy->shift);
    bool in_use = mark == (MARK_IN_USE | order);
    if (!in_use && mark != (MARK_FREE | order))
        return "buddy: a mark was overwritten";
    if (order > buddy->max_order || (size_t)1 << order > units_of(buddy, r) - unit ||
        !is_aligned(at, bytes_of(buddy, order)))
        return "buddy: a block is where it cannot be";
    for (size_t inside = 1; inside < (size_t)1 << order; inside++)
        if (mark_of_unit(r, unit + inside) != 0)
            return "buddy: a block begins inside another";
    if (in_use) {
        sums->in_use += bytes_of(buddy, order);
        return NULL;
    }
    sums->free[order]++;
    if (has_free_buddy(buddy, r, at, order))
        return "buddy: two free buddies are not merged";
    return NULL;
}

static const char *audit_region(const cairn_buddy *buddy, const region *r, struct sums *sums)
{
    size_t units = units_of(buddy, r);
    for (size_t unit = 0; unit < units;) {
        const char *wrong = audit_block(buddy, r, unit, sums);
        if (wrong != NULL)
            return wrong;
        unit += (size_t)1 << (mark_of_unit(r, unit) & MARK_ORDER);
    }
    return NULL;
}

QUIET static const char *audit_list(const cairn_buddy *buddy, unsigned order, size_t count)
{
    if ((buddy->map >> order & 1) != (buddy->lists[order] != NULL))
        return "buddy: a bit of the map of lists is wrong";
    for (block *const *slot = &buddy->lists[order]; *slot != NULL; slot = &(*slot)->next) {
        const region *r = region_of(buddy, *slot);
        if (count-- == 0 || r == NULL ||
            !is_aligned((uintptr_t)*slot - r->start, bytes_of(buddy, 0)) ||
            *mark_at(buddy, r, (uintptr_t)*slot) != (MARK_FREE | order) || (*slot)->slot != slot)
            return "buddy: a list of free blocks is broken";
    }
    return count == 0 ? NULL : "buddy: a free block is not in its list";
}

static const char *audit(const cairn_buddy *buddy)
{
    struct sums sums = {0};
    size_t from_source = buddy->own_size;
    for (const region *r = buddy->regions; r != NULL; r = region_after(r)) {
        const char *wrong = audit_region(buddy, r, &sums);
        if (wrong != NULL)
            return wrong;
        from_source += source_size_of(r);
    }
    for (unsigned order = 0; order < ORDERS; order++) {
        const char *wrong = audit_list(buddy, order, sums.free[order]);
        if (wrong != NULL)
            return wrong;
    }
    if (from_source != buddy->taken)
        return "buddy: the regions are not what was taken";
    if (sums.in_use != buddy->in_use || buddy->peak < buddy->in_use)
        return "buddy: the sum of the blocks in use is wrong";
    return NULL;
}

CAIRN_EXPORT const char *cairn_buddy_audit(const cairn_buddy *buddy)
{
    quiet_begin(buddy);
    const char *wrong = audit(buddy);
    quiet_end(buddy);
    return wrong;
}
