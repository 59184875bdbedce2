/* SPDX-License-Identifier: MIT */
/*
 * The index of first and next fit: one binary tree of all free blocks, by address, in which no
 * block is larger than the one above it (C. J. Stephenson, Fast fits: new methods for dynamic
 * storage allocation, SOSP 1983). The largest is the root, so it is known at once that nothing
 * fits; the lowest block that fits is found by going left as long as that fits. Blocks of equal
 * size would form a chain by address: which of them is above is decided by a hash of the address,
 * as the priorities of a treap are.
 *
 *   address(b->left) < address(b) < address(b->right)
 *   b is above b->left and b->right
 *
 * The depth is logarithmic unless sizes grow or shrink with addresses over long stretches. There
 * are no links upwards: what is done to a block begins at the root.
 */
#include "kit/fit_index.h"

static inline uint32_t hash_of(const block *b)
{
    return (uint32_t)((uintptr_t)b / GRANULE) * 0x9E3779B1u;
}

static inline bool is_above(const block *a, const block *b)
{
    size_t size_a = size_of(a), size_b = size_of(b);
    if (size_a != size_b)
        return size_a > size_b;
    return hash_of(a) > hash_of(b) || (hash_of(a) == hash_of(b) && a < b);
}

/* What was below goes to the left and to the right of b. */
QUIET void cairn__fit_address_insert(cairn_fit *fit, block *b)
{
    block **link = &fit->lists[0];
    while (*link != NULL && is_above(*link, b))
        link = b < *link ? &(*link)->left : &(*link)->right;
    block *rest = *link;
    block **lower = &b->left, **higher = &b->right;
    *link = b;
    while (rest != NULL)
        if (rest < b) {
            *lower = rest;
            lower = &rest->right;
            rest = *lower;
        } else {
            *higher = rest;
            higher = &rest->left;
            rest = *higher;
        }
    *lower = NULL;
    *higher = NULL;
}

/* In the place of what *link points to, both its subtrees as one. */
QUIET static void unlink_at(block **link)
{
    block *lower = (*link)->left, *higher = (*link)->right;
    while (lower != NULL && higher != NULL)
        if (is_above(lower, higher)) {
            *link = lower;
            link = &lower->right;
            lower = *link;
        } else {
            *link = higher;
            link = &higher->left;
            higher = *link;
        }
    *link = lower != NULL ? lower : higher;
}

QUIET void cairn__fit_address_remove(cairn_fit *fit, block *b)
{
    block **link = &fit->lists[0];
    while (*link != b)
        link = b < *link ? &(*link)->left : &(*link)->right;
    unlink_at(link);
}

/*
 * The lowest from `from` on that fits. On the way down, a block that fits and is not too low is
 * better than those to its right, and those above it that were candidates.
 */
QUIET static block **lowest_from(cairn_fit *fit, uintptr_t from, size_t size)
{
    block **found = NULL;
    block **link = &fit->lists[0];
    while (*link != NULL && size_of(*link) >= size)
        if ((uintptr_t)*link >= from) {
            found = link;
            link = &(*link)->left;
        } else {
            link = &(*link)->right;
        }
    return found;
}

QUIET block *cairn__fit_address_take(cairn_fit *fit, size_t size)
{
    block **link = NULL;
    if (fit->strategy == CAIRN_FIT_NEXT)
        link = lowest_from(fit, fit->rover, size);
    if (link == NULL)
        link = lowest_from(fit, 0, size);
    if (link == NULL)
        return NULL;
    block *b = *link;
    fit->rover = (uintptr_t)b + size;
    unlink_at(link);
    return b;
}

/* ---- audit ---- */

/* A block that is free by its tag: that the tree leads to it, and what is below it. */
QUIET const char *cairn__fit_address_audit(const cairn_fit *fit, const block *b, size_t *below)
{
    const block *at = fit->lists[0];
    while (at != NULL && at != b) {
        if (!is_plausible(fit, at) || !is_above(at, b))
            return "fit: a free block is not where it should be in the tree";
        at = b < at ? at->left : at->right;
    }
    if (at == NULL)
        return "fit: a free block is not in the tree";
    const block *child[2] = {b->left, b->right};
    for (int i = 0; i < 2; i++) {
        if (child[i] == NULL)
            continue;
        if (!is_plausible(fit, child[i]) || !is_above(b, child[i]) || (child[i] < b) != (i == 0))
            return "fit: the tree is out of order";
        ++*below;
    }
    return NULL;
}
