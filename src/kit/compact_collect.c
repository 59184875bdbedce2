/* SPDX-License-Identifier: MIT */
/*
 * Mark and collect in the compacting heap, from roots that the program has registered and by what its
 * trace says that objects hold. Places to be traced wait on a stack of their own, so no depth of
 * links can exhaust the program's. Where that stack cannot grow, a place is marked and left, and the
 * table is looked through again from the lowest such place for what is marked and not yet traced (H.
 * Boehm and M. Weiser, Garbage Collection in an Uncooperative Environment, 1988). Each look traces
 * something new, so it ends. A block is moved by no part of this.
 */
#include "kit/compact_gap.h"

/* ---- roots ---- */

CAIRN_EXPORT bool cairn_compact_add_root(cairn_compact *heap, cairn_handle *root)
{
    if (heap->phase != AT_REST || !cairn__compact_row_grow(heap, &heap->roots, sizeof root))
        return false;
    ((cairn_handle **)heap->roots.items)[heap->roots.count++] = root;
    return true;
}

CAIRN_EXPORT bool cairn_compact_remove_root(cairn_compact *heap, cairn_handle *root)
{
    cairn_handle **roots = heap->roots.items;
    for (size_t i = heap->phase == AT_REST ? heap->roots.count : 0; i-- > 0;)
        if (roots[i] == root) {
            roots[i] = roots[--heap->roots.count];
            return true;
        }
    return false;
}

/* ---- marking ---- */

static cairn_layout stack_layout(const cairn_compact *heap)
{
    return cairn__layout(heap->stack_capacity * sizeof(uint32_t), UNIT);
}

static void stack_give(cairn_compact *heap)
{
    if (heap->stack != heap->first_marks)
        cairn_allocator_dealloc(heap->source, heap->stack, stack_layout(heap));
    heap->stack = heap->first_marks;
    heap->stack_capacity = STACK_FIRST;
}

static bool stack_grow(cairn_compact *heap)
{
    size_t capacity = heap->stack_capacity * 2;
    uint32_t *stack = cairn_allocator_alloc(heap->source,
                                            cairn__layout(capacity * sizeof(uint32_t), UNIT));
    if (stack == NULL)
        return false;
    memcpy(stack, heap->stack, heap->stack_count * sizeof(uint32_t));
    stack_give(heap);
    heap->stack = stack;
    heap->stack_capacity = capacity;
    return true;
}

static void mark(cairn_compact *heap, struct place *place, uint32_t index)
{
    if (place->is_marked)
        return;
    place->is_marked = true;
    if (heap->stack_count < heap->stack_capacity || stack_grow(heap))
        heap->stack[heap->stack_count++] = index;
    else if (index < heap->overflow)
        heap->overflow = index;
}

static void reach(cairn_compact *heap, cairn_handle handle)
{
    struct place *place = place_of(heap, handle);
    if (place != NULL && heap->phase == MARKING)
        mark(heap, place, handle.index);
}

static void trace(cairn_compact *heap, uint32_t index)
{
    struct place *place = place_at(heap, index);
    place->is_traced = true;
    if (heap->trace == NULL || place->is_fresh)
        return;
    if (place_is_movable(place))
        place_show(heap, place);
    heap->trace(heap->context, heap, (cairn_handle){index, place->generation}, place->block,
                place_size(heap, place), reach);
    if (place_is_movable(place))
        place_hide(heap, place);
}

static void trace_stack(cairn_compact *heap)
{
    while (heap->stack_count > 0)
        trace(heap, heap->stack[--heap->stack_count]);
}

static void mark_all(cairn_compact *heap)
{
    cairn_handle **roots = heap->roots.items;
    for (size_t i = 0; i < heap->roots.count; i++) {
        reach(heap, *roots[i]);
        trace_stack(heap);
    }
    for (uint32_t i = 1; i < heap->places; i++) {
        struct place *place = place_at(heap, i);
        if (place->block != NULL && !place_is_movable(place)) {
            mark(heap, place, i);
            trace_stack(heap);
        }
    }
    while (heap->overflow != INDEX_LIMIT) {
        uint32_t i = heap->overflow;
        for (heap->overflow = INDEX_LIMIT; i < heap->places; i++) {
            const struct place *place = place_at(heap, i);
            if (place->block != NULL && place->is_marked && !place->is_traced) {
                trace(heap, i);
                trace_stack(heap);
            }
        }
    }
}

/* ---- the end of what was not marked ---- */

static bool is_garbage(const struct place *place)
{
    return place->block != NULL && !place->is_marked && place_is_movable(place);
}

static void finalize_all(cairn_compact *heap)
{
    for (uint32_t i = 1; i < heap->places; i++) {
        struct place *place = place_at(heap, i);
        if (!is_garbage(place))
            continue;
        place_show(heap, place);
        heap->finalize(heap->context, heap, (cairn_handle){i, place->generation}, place->block,
                       place_size(heap, place));
        if (place_is_movable(place))
            place_hide(heap, place);
    }
}

/* Takes the marks off the others. */
static size_t free_all(cairn_compact *heap)
{
    size_t blocks = 0;
    for (uint32_t i = 1; i < heap->places; i++) {
        struct place *place = place_at(heap, i);
        if (place->block == NULL)
            continue;
        if (is_garbage(place)) {
            cairn__compact_end_block(heap, i);
            blocks++;
        } else {
            place->is_marked = place->is_traced = false;
        }
    }
    return blocks;
}

CAIRN_EXPORT size_t cairn_compact_collect(cairn_compact *heap)
{
    if (heap->phase != AT_REST)
        return 0;
    heap->phase = MARKING;
    mark_all(heap);
    stack_give(heap);
    heap->phase = ENDING;
    if (heap->finalize != NULL)
        finalize_all(heap);
    size_t blocks = free_all(heap);
    heap->phase = AT_REST;
    heap->collections++;
    heap->collected_blocks += blocks;
    return blocks;
}
