/* SPDX-License-Identifier: MIT */
/*
 * Sliding compaction in steps (B. Haddon and W. Waite, Computer Journal, 1967; no pointers to mend
 * here, a block's place in the table is the only one). Each region has a cursor: below it everything
 * is as it should be, except for what was left because of blocks that could not be moved. At the
 * cursor stands a gap or a block; a gap is filled by the next block that can be moved, and the
 * cursor goes on behind it. So the heap is whole between any two moves, and the program may do what
 * it likes between two steps: whatever it changes below a cursor brings the cursor back.
 *
 * When a region is done, the first blocks of the next one may fit behind its last one. They go there
 * if the heap has so much free space that a region can become empty by it; else a gap at the end of
 * a region is as good as one in the next, and moving a whole heap by some bytes would gain nothing.
 */
#include "kit/compact_gap.h"

enum {
    LOOK_COST = 64, /* bytes that passing a block counts as */
    LOOK_AHEAD = 8, /* blocks in the way, behind which it looks for one that can be moved */
};

struct work {
    size_t budget, spent, moved;
};

/* Counts the move of a block, unless it must wait for the next step. */
static bool may_move(struct work *work, size_t units)
{
    size_t size = units * UNIT;
    bool fits = work->spent < work->budget && size <= work->budget - work->spent;
    if (!fits && (work->moved != 0 || work->budget == 0))
        return false;
    work->moved += size;
    work->spent += size;
    return true;
}

static size_t units_at(const cairn_compact *heap, const char *head)
{
    return head_units(word_get(heap, head));
}

/* The first block from this head on that can be moved, past at most LOOK_AHEAD that cannot. */
static struct place *find_movable(cairn_compact *heap, char *at, bool *passed_any)
{
    unsigned passed = 0;
    *passed_any = false;
    for (;;) {
        uint64_t head = word_get(heap, at);
        uint32_t index = head_index(head);
        if (index == INDEX_LIMIT)
            return NULL;
        if (index != 0) {
            struct place *place = place_at(heap, index);
            if (place_is_movable(place))
                return place;
            place->was_in_way = true;
            *passed_any = true;
            if (++passed > LOOK_AHEAD)
                return NULL;
        }
        at += head_units(head) * UNIT;
    }
}

/* Where the block may stand in a gap; NULL: it does not fit. */
static char *fit_in(const cairn_compact *heap, const struct place *place, char *gap)
{
    char *to = aligned_head(gap, place_align(place));
    size_t units = units_at(heap, place_head(place));
    size_t lead = (size_t)(to - gap) / UNIT;
    return lead + units <= units_at(heap, gap) ? to : NULL;
}

/* ---- from one region to the one before it ---- */

/* Free space enough to be rid of the last region that has blocks. */
static bool is_worth_crossing(const cairn_compact *heap)
{
    size_t free_bytes = heap->free_units * UNIT;
    const struct region *last = heap->last;
    if (last == heap->spare && last != NULL) {
        free_bytes -= (size_t)(last->end - last->first);
        last = last->before;
    }
    return last != NULL && free_bytes >= last->size;
}

/* The block that should go to the end of the region before, and where to; NULL: none. */
static struct place *find_crossing(cairn_compact *heap, struct region *region, char **gap,
                                   char **to)
{
    struct region *before = region->before;
    if (before == NULL || !is_worth_crossing(heap) ||
        (word_get(heap, before->end) & BEFORE_IS_GAP) == 0)
        return NULL;
    bool passed_any;
    struct place *place = find_movable(heap, region->first, &passed_any);
    if (passed_any)
        region->left = region->first;
    if (place == NULL)
        return NULL;
    *gap = gap_before(heap, before->end);
    *to = fit_in(heap, place, *gap);
    return *to != NULL ? place : NULL;
}

/* ---- within a region ---- */

/* Its first gap before a block gets that block, or one behind it. False: not in this step. */
static bool fill_gap(cairn_compact *heap, struct region *region, char *next, struct work *work)
{
    char *gap = region->cursor;
    bool passed_any;
    struct place *place = find_movable(heap, next, &passed_any);
    work->spent += LOOK_COST;
    if (passed_any && region->left == NULL)
        region->left = gap;
    region->cursor = next + units_at(heap, next) * UNIT;
    if (place == NULL)
        return true;
    char *from = place_head(place);
    size_t units = units_at(heap, from);
    char *to = from == next ? aligned_head(gap, place_align(place)) : fit_in(heap, place, gap);
    if (to == NULL || to == from) /* too large; or only this far down by its alignment */
        return true;
    region->cursor = gap;
    if (!may_move(work, units))
        return false;
    if (from == next) {
        region->cursor = cairn__compact_slide(heap, place, gap, to);
    } else {
        cairn__compact_move(heap, place, gap, to);
        region->cursor = to + units * UNIT;
    }
    return true;
}

static void settle(cairn_compact *heap, struct region *region)
{
    char *gap, *to;
    region->cursor = NULL;
    heap->unsettled--;
    if (region->after != NULL && find_crossing(heap, region->after, &gap, &to) != NULL)
        cairn__compact_disturb(heap, region->after, region->after->first);
}

/* False: the budget is spent. Else the region is settled, or gone. */
static bool settle_region(cairn_compact *heap, struct region *region, struct work *work)
{
    struct place *place;
    char *gap, *to;
    if (region->cursor == region->first)
        while ((place = find_crossing(heap, region, &gap, &to)) != NULL) {
            if (!may_move(work, units_at(heap, place_head(place))))
                return false;
            if (cairn__compact_move(heap, place, gap, to))
                return true;
        }
    for (;;) {
        uint64_t head = word_get(heap, region->cursor);
        char *next = region->cursor + head_units(head) * UNIT;
        if (region->cursor == region->end || (head_is_gap(head) && next == region->end)) {
            settle(heap, region);
            return true;
        }
        if (work->spent >= work->budget)
            return false;
        if (head_is_gap(head)) {
            if (!fill_gap(heap, region, next, work))
                return false;
        } else {
            region->cursor = next;
            work->spent += LOOK_COST;
        }
    }
}

bool cairn__compact_step(cairn_compact *heap, size_t budget, size_t *spent)
{
    struct work work = {budget, 0, 0};
    heap->steps++;
    while (heap->unsettled > 0) {
        struct region *region = heap->hand != NULL ? heap->hand : heap->first;
        heap->hand = region->after;
        if (region->cursor != NULL && !settle_region(heap, region, &work)) {
            heap->hand = region;
            break;
        }
    }
    *spent += work.spent;
    return heap->unsettled > 0;
}
