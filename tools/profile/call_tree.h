/* SPDX-License-Identifier: MIT */
/*
 * The stacks of one or two profiles as a tree of calls by name: stacks whose functions have the same
 * names are one, whatever lines they were at and whatever file they were in. A node has values of its
 * own (of stacks that end there) and, once summed up, values with its children's.
 */
#ifndef CAIRN_TOOLS_PROFILE_CALL_TREE_H
#define CAIRN_TOOLS_PROFILE_CALL_TREE_H

#include "profile/names.h"
#include "profile/profile.h"
#include "profile/symbols.h"

enum { CALL_VALUES = 10 };

/* What a profile gives to a node: call_tree_add puts these from `first` on. */
enum call_value { CALL_BYTES, CALL_BLOCKS, CALL_PEAK, CALL_LEFT, CALL_TEMPORARY, CALL_OF_PROFILE };

struct call_node {
    uint32_t parent; /* a smaller number; the root's is its own, 0 */
    uint32_t name;   /* number */
    double own[CALL_VALUES], all[CALL_VALUES];
};

struct call_tree {
    struct call_node *nodes; /* the root first */
    uint32_t *slots;         /* hash table by parent and name: node; 0: empty */
    size_t count, room, size;
    struct names names;
};

void call_tree_init(struct call_tree *tree);
void call_tree_fini(struct call_tree *tree);

void call_tree_add(struct call_tree *tree, const struct profile *profile, struct symbols *symbols,
                   unsigned first);

/* Makes `all` from `own`. */
void call_tree_sum(struct call_tree *tree);

/*
 * Leaves out what matters little: at most `max` nodes stay, each of them at least a ten-thousandth of
 * the whole in one of the first `values` values; what its other children had goes to a child
 * "(other)". Sums up first.
 */
void call_tree_prune(struct call_tree *tree, unsigned values, size_t max);

static inline const char *call_tree_name(const struct call_tree *tree, size_t node)
{
    return tree->names.texts[tree->nodes[node].name];
}

#endif
