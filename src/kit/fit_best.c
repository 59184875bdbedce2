/* SPDX-License-Identifier: MIT */
/*
 * The index of best fit. Small blocks lie on a list for each size, row 0 of the index. For larger
 * ones each power of two, a row, has a trie: a binary tree in which, below a
 * block at depth d, the size's bit d under its highest one says left or right (bitwise tries as in
 * D. Lea's malloc, version 2.8; digital search trees: Knuth, TAOCP 3, section 6.3). Any block of
 * the right prefix may stand at a place, so a leaf can replace what is removed, and nothing is ever
 * rebalanced: depth is at most the number of bits in which sizes of the row differ. Blocks of equal
 * size form a ring of which one is in the trie.
 *
 *   *b->slot = b, for a block in a trie or a list; b->slot = NULL for others of a ring
 *   b->next->prev = b, size(b->next) = size(b), in a ring
 */
#include "kit/fit_index.h"

static inline bool is_small(size_t size)
{
    return size < (size_t)ROW_LISTS * GRANULE;
}

static inline unsigned row_for(size_t size)
{
    return list_shift(size / GRANULE) + 1;
}

/* The size's bits below its highest, from the top of the word on. */
static inline size_t path_of(size_t size)
{
    return size << 1 << (WORD * 8 - 1 - highest_bit(size));
}

static inline unsigned step_on(size_t path)
{
    return (unsigned)(path >> (WORD * 8 - 1));
}

QUIET static void put_at(block **slot, block *b)
{
    *slot = b;
    b->slot = slot;
    b->child[0] = b->child[1] = NULL;
    b->next = b->prev = b;
}

QUIET static void trie_insert(block **slot, block *b, size_t size)
{
    for (size_t path = path_of(size); *slot != NULL; path <<= 1) {
        block *at = *slot;
        if (size_of(at) == size) {
            b->slot = NULL;
            b->prev = at;
            b->next = at->next;
            at->next->prev = b;
            at->next = b;
            return;
        }
        slot = &at->child[step_on(path)];
    }
    put_at(slot, b);
}

QUIET static void take_place_of(block *old, block *b)
{
    b->slot = old->slot;
    *b->slot = b;
    for (int i = 0; i < 2; i++) {
        b->child[i] = old->child[i];
        if (b->child[i] != NULL)
            b->child[i]->slot = &b->child[i];
    }
}

QUIET static void trie_remove(block *b)
{
    if (b->next != b) {
        b->next->prev = b->prev;
        b->prev->next = b->next;
        if (b->slot != NULL)
            take_place_of(b, b->next);
        return;
    }
    block *leaf = b;
    while (leaf->child[0] != NULL || leaf->child[1] != NULL)
        leaf = leaf->child[leaf->child[1] != NULL];
    *leaf->slot = NULL;
    if (leaf != b)
        take_place_of(b, leaf);
}

/* The smallest at and below `at`, if it is smaller than `best`: it is on the leftmost path. */
QUIET static block *least_below(block *at, block *best)
{
    for (; at != NULL; at = at->child[at->child[0] == NULL])
        if (best == NULL || size_of(at) < size_of(best))
            best = at;
    return best;
}

/* The smallest of at least `size`. What branches off to the right of the size's own path is larger;
 * the last such branch has the smallest of them. */
QUIET static block *least_from(block *at, size_t size)
{
    block *best = NULL, *branch = NULL;
    for (size_t path = path_of(size); at != NULL; path <<= 1) {
        size_t found = size_of(at);
        if (found >= size && (best == NULL || found < size_of(best)))
            best = at;
        if (found == size)
            return at;
        unsigned step = step_on(path);
        if (step == 0 && at->child[1] != NULL)
            branch = at->child[1];
        at = at->child[step];
    }
    return least_below(branch, best);
}

static inline block **root_of(const cairn_fit *fit, unsigned row)
{
    return &fit->lists[ROW_LISTS + row - 1];
}

void cairn__fit_best_insert(cairn_fit *fit, block *b)
{
    size_t size = size_of(b);
    if (is_small(size)) {
        segregated_insert(fit, b);
        return;
    }
    unsigned row = row_for(size);
    trie_insert(root_of(fit, row), b, size);
    fit->row_map |= 1u << row;
}

void cairn__fit_best_remove(cairn_fit *fit, block *b)
{
    size_t size = size_of(b);
    if (is_small(size)) {
        segregated_remove(fit, b);
        return;
    }
    unsigned row = row_for(size);
    trie_remove(b);
    if (*root_of(fit, row) == NULL)
        fit->row_map &= ~(1u << row);
}

/* The smallest block in the rows from `row` on, small ones from list `list` on. */
static block *least_in_rows(const cairn_fit *fit, unsigned row, unsigned list)
{
    if (row == 0) {
        uint32_t map = fit->maps[0] & ~0u << list;
        if (map != 0)
            return fit->lists[lowest_bit32(map)];
        row = 1;
    }
    uint32_t rows = fit->row_map & ~0u << row;
    return rows != 0 ? least_below(*root_of(fit, lowest_bit32(rows)), NULL) : NULL;
}

QUIET block *cairn__fit_best_take(cairn_fit *fit, size_t size)
{
    block *b;
    if (is_small(size)) {
        b = least_in_rows(fit, 0, list_for(size));
    } else {
        unsigned row = row_for(size);
        b = least_from(*root_of(fit, row), size);
        if (b == NULL)
            b = least_in_rows(fit, row + 1, 0);
    }
    if (b == NULL)
        return NULL;
    if (!is_small(size_of(b)))
        b = b->next; /* of a ring, not the one in the trie: nothing else changes */
    cairn__fit_best_remove(fit, b);
    return b;
}

/* ---- audit ---- */

/* A ring: one size, linked both ways, one of it in the trie. */
QUIET static const char *audit_ring(const cairn_fit *fit, const block *first, size_t *count)
{
    const block *b = first;
    do {
        if (!is_plausible(fit, b->next) || size_of(b->next) != size_of(first) ||
            b->next->prev != b || (b != first && b->slot != NULL))
            return "fit: a ring of free blocks of a size is broken";
        b = b->next;
        ++*count;
    } while (b != first);
    return NULL;
}

/* Whether the path from the root to a place at `depth`, steps from the top bit on, leads to b. */
static bool belongs(const block *b, unsigned row, size_t steps, unsigned depth)
{
    size_t mask = depth == 0 ? 0 : ~(size_t)0 << (WORD * 8 - depth);
    return !is_small(size_of(b)) && row_for(size_of(b)) == row &&
           ((path_of(size_of(b)) ^ steps) & mask) == 0;
}

QUIET static const char *audit_trie(const cairn_fit *fit, unsigned row, size_t *count)
{
    struct place {
        block **slot;
        size_t steps;
        unsigned depth;
    } open[WORD * 8]; /* one at each depth, and one more */
    unsigned opened = 0;
    open[opened++] = (struct place){root_of(fit, row), 0, 0};
    while (opened > 0) {
        struct place at = open[--opened];
        const block *b = *at.slot;
        if (!is_plausible(fit, b) || b->slot != at.slot || at.depth >= WORD * 8 - 1 ||
            !belongs(b, row, at.steps, at.depth))
            return "fit: a trie of free blocks is out of order";
        const char *wrong = audit_ring(fit, b, count);
        if (wrong != NULL)
            return wrong;
        for (unsigned step = 0; step < 2; step++)
            if (b->child[step] != NULL)
                open[opened++] = (struct place){
                    (block **)&b->child[step], at.steps | (size_t)step << (WORD * 8 - 1 - at.depth),
                    at.depth + 1};
    }
    return NULL;
}

const char *cairn__fit_best_audit(const cairn_fit *fit, size_t *count)
{
    const char *wrong = cairn__fit_segregated_audit(fit, count);
    for (unsigned row = 1; wrong == NULL && row < fit->rows; row++) {
        if ((*root_of(fit, row) != NULL) != (fit->row_map >> row & 1))
            return "fit: a bit of the map of tries is wrong";
        if (*root_of(fit, row) != NULL)
            wrong = audit_trie(fit, row, count);
    }
    return wrong;
}
