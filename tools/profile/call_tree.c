/* SPDX-License-Identifier: MIT */
/*
 * Stacks as a tree of names: see call_tree.h. Parents have smaller numbers than their children, here
 * and in the trace, so one pass forward finds every place, and one backward sums up. Only calls that
 * lie on the way to a stack with allocations get names.
 */
#include "profile/call_tree.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

enum { ROOM_AT_FIRST = 256 };

static const double least_share = 0.0001;

static uint32_t add_node(struct call_tree *tree, uint32_t parent, uint32_t name)
{
    if (tree->count == tree->room) {
        tree->room = tree->room ? tree->room * 2 : ROOM_AT_FIRST;
        tree->nodes = memory_resize(tree->nodes, tree->room, sizeof *tree->nodes);
    }
    tree->nodes[tree->count] = (struct call_node){.parent = parent, .name = name};
    return (uint32_t)tree->count++;
}

void call_tree_init(struct call_tree *tree)
{
    *tree = (struct call_tree){.size = ROOM_AT_FIRST};
    tree->slots = memory_take(tree->size, sizeof *tree->slots);
    add_node(tree, 0, names_number(&tree->names, "all"));
}

void call_tree_fini(struct call_tree *tree)
{
    free(tree->nodes);
    free(tree->slots);
    names_fini(&tree->names);
    *tree = (struct call_tree){0};
}

static uint32_t *slot_of(const struct call_tree *tree, uint32_t parent, uint32_t name)
{
    for (size_t at = names_mix((uint64_t)parent << 32 | name);; at++) {
        uint32_t *slot = &tree->slots[at & (tree->size - 1)];
        const struct call_node *node = &tree->nodes[*slot];
        if (*slot == 0 || (node->parent == parent && node->name == name))
            return slot;
    }
}

static void grow(struct call_tree *tree)
{
    free(tree->slots);
    tree->size *= 2;
    tree->slots = memory_take(tree->size, sizeof *tree->slots);
    for (size_t i = 1; i < tree->count; i++)
        *slot_of(tree, tree->nodes[i].parent, tree->nodes[i].name) = (uint32_t)i;
}

static uint32_t child_of(struct call_tree *tree, uint32_t parent, const char *text)
{
    uint32_t name = names_number(&tree->names, text);

    if (tree->count * 2 >= tree->size)
        grow(tree);
    uint32_t *slot = slot_of(tree, parent, name);
    if (*slot == 0)
        *slot = add_node(tree, parent, name);
    return *slot;
}

static void add_sums(double own[CALL_VALUES], const struct profile_sums *sums, unsigned first)
{
    own[first + CALL_BYTES] += (double)sums->bytes;
    own[first + CALL_BLOCKS] += (double)sums->blocks;
    own[first + CALL_PEAK] += (double)sums->peak_bytes;
    own[first + CALL_LEFT] += (double)sums->live_bytes;
    own[first + CALL_TEMPORARY] += (double)sums->temporary;
}

void call_tree_add(struct call_tree *tree, const struct profile *profile, struct symbols *symbols,
                   unsigned first)
{
    const struct trace_reader *reader = profile->reader;
    uint32_t count = trace_nodes(reader);
    uint32_t *place = memory_take(count, sizeof *place);
    bool *needed = memory_take(count, sizeof *needed);

    if (count && profile->stacks[0].blocks)
        add_sums(tree->nodes[child_of(tree, 0, "(unknown)")].own, &profile->stacks[0], first);
    for (uint32_t i = count; i-- > 1;) {
        needed[i] |= profile->stacks[i].blocks > 0;
        if (needed[i])
            needed[trace_node(reader, i).parent] = true;
    }
    for (uint32_t i = 1; i < count; i++) {
        if (!needed[i])
            continue;
        const struct symbol *symbol = symbols_of(symbols, i);
        uint32_t at = place[trace_node(reader, i).parent];
        for (size_t call = symbol->count; call-- > 0;)
            at = child_of(tree, at, symbol->calls[call].function);
        place[i] = at;
        add_sums(tree->nodes[at].own, &profile->stacks[i], first);
    }
    free(needed);
    free(place);
}

void call_tree_sum(struct call_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        memcpy(tree->nodes[i].all, tree->nodes[i].own, sizeof tree->nodes[i].all);
    for (size_t i = tree->count; i-- > 1;) {
        struct call_node *node = &tree->nodes[i], *parent = &tree->nodes[node->parent];
        for (unsigned k = 0; k < CALL_VALUES; k++)
            parent->all[k] += node->all[k];
    }
}

static bool matters(const struct call_tree *tree, size_t node, unsigned values, double share)
{
    const double *all = tree->nodes[node].all, *whole = tree->nodes[0].all;

    for (unsigned k = 0; k < values; k++)
        if (all[k] > 0 && all[k] >= share * whole[k])
            return true;
    return false;
}

/* The largest share at which at most `max` nodes matter; values are positive, so a node that matters
 * has a parent that does. */
static double share_for(const struct call_tree *tree, unsigned values, size_t max)
{
    double share = least_share;

    for (;; share *= 2) {
        size_t count = 0;
        for (size_t i = 1; i < tree->count; i++)
            count += matters(tree, i, values, share);
        if (count <= max || share >= 1)
            return share;
    }
}

void call_tree_prune(struct call_tree *tree, unsigned values, size_t max)
{
    call_tree_sum(tree);
    double share = share_for(tree, values, max);
    struct call_tree kept;
    uint32_t *place = memory_take(tree->count, sizeof *place);

    call_tree_init(&kept);
    memcpy(kept.nodes[0].own, tree->nodes[0].own, sizeof kept.nodes[0].own);
    for (size_t i = 1; i < tree->count; i++) {
        const struct call_node *node = &tree->nodes[i];
        uint32_t parent = place[node->parent];
        bool other = strcmp(call_tree_name(&kept, parent), "(other)") == 0;
        place[i] = parent;
        if (!other) /* else the parent is left out, and so is what is below it */
            place[i] = child_of(&kept, parent,
                                matters(tree, i, values, share) ? call_tree_name(tree, i)
                                                                : "(other)");
        for (unsigned k = 0; k < CALL_VALUES; k++)
            kept.nodes[place[i]].own[k] += node->own[k];
    }
    free(place);
    call_tree_fini(tree);
    *tree = kept;
    call_tree_sum(tree);
}
