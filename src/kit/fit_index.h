/* SPDX-License-Identifier: MIT */
/*
 * The index of a fit: its free blocks, found by size. insert and remove take a block whose tag is
 * that of a free one; take removes and returns a block of at least `size`, NULL if there is none.
 *
 * Lists are numbered by size. With u the size in granules and L lists a row, list u has the blocks
 * of u granules if u < 2 L; from there on each power of two is cut into L lists:
 *
 *   list(u) = s L + u / 2^s,  s = max(0, log2 u - log2 L)
 *
 *   map bit set      <=>  list not empty          (maps[list / L], bit list % L)
 *   row_map bit set  <=>  maps[row] != 0
 *   *b->slot = b for each block b in a list
 *
 * segregated is all here, to be inlined. best has the lists of row 0 for its small blocks, and for
 * each other row one slot, the root of a trie; first and next have lists[0] alone, the root of
 * their tree.
 */
#ifndef CAIRN_KIT_FIT_INDEX_H
#define CAIRN_KIT_FIT_INDEX_H

#include "base/scan.h"
#include "kit/fit_block.h"

enum {
    ROW_SHIFT = WORD == 8 ? 5 : 4,
    ROW_LISTS = 1 << ROW_SHIFT,
    ROWS_MAX = WORD == 8 ? 31 : 25,
};

static inline unsigned list_shift(size_t granules)
{
    return highest_bit(granules | ROW_LISTS) - ROW_SHIFT;
}

/* The list that a block of `size` belongs in. */
static inline unsigned list_for(size_t size)
{
    size_t granules = size / GRANULE;
    unsigned shift = list_shift(granules);
    return (shift << ROW_SHIFT) + (unsigned)(granules >> shift);
}

/* The first list whose blocks are all at least `size`. */
static inline unsigned list_of_at_least(size_t size)
{
    size_t granules = size / GRANULE;
    unsigned shift = list_shift(granules);
    return (shift << ROW_SHIFT) + (unsigned)((granules + ((size_t)1 << shift) - 1) >> shift);
}

static inline void list_mark(cairn_fit *fit, unsigned list)
{
    fit->maps[list / ROW_LISTS] |= 1u << list % ROW_LISTS;
    fit->row_map |= 1u << list / ROW_LISTS;
}

static inline void list_clear(cairn_fit *fit, unsigned list)
{
    uint32_t *map = &fit->maps[list / ROW_LISTS];
    *map &= ~(1u << list % ROW_LISTS);
    if (*map == 0)
        fit->row_map &= ~(1u << list / ROW_LISTS);
}

/* The first list from `list` on that is not empty; the row after the last one is empty, too. */
static inline block *list_first_from(const cairn_fit *fit, unsigned list)
{
    unsigned row = list / ROW_LISTS;
    uint32_t map = fit->maps[row] & ~0u << list % ROW_LISTS;
    if (map == 0) {
        uint32_t rows = fit->row_map & ~1u << row;
        if (rows == 0)
            return NULL;
        row = lowest_bit32(rows);
        map = fit->maps[row];
    }
    return fit->lists[row * ROW_LISTS + lowest_bit32(map)];
}

/* ---- segregated ---- */

QUIET static inline void segregated_insert(cairn_fit *fit, block *b)
{
    unsigned list = list_for(size_of(b));
    block **head = &fit->lists[list];
    block *next = *head;
    b->next = next;
    b->slot = head;
    *head = b;
    if (next != NULL)
        next->slot = &b->next;
    else
        list_mark(fit, list);
}

QUIET static inline void segregated_remove(cairn_fit *fit, block *b)
{
    block *next = b->next, **slot = b->slot;
    *slot = next;
    if (next != NULL) {
        next->slot = slot;
        return;
    }
    uintptr_t list = ((uintptr_t)slot - (uintptr_t)fit->lists) / sizeof *slot;
    if (list < fit->list_count)
        list_clear(fit, (unsigned)list);
}

static inline block *segregated_take(cairn_fit *fit, size_t size)
{
    block *b = list_first_from(fit, list_of_at_least(size));
    if (b != NULL)
        segregated_remove(fit, b);
    return b;
}

/* ---- the others ---- */

void cairn__fit_address_insert(cairn_fit *fit, block *b);
void cairn__fit_address_remove(cairn_fit *fit, block *b);
block *cairn__fit_address_take(cairn_fit *fit, size_t size);

void cairn__fit_best_insert(cairn_fit *fit, block *b);
void cairn__fit_best_remove(cairn_fit *fit, block *b);
block *cairn__fit_best_take(cairn_fit *fit, size_t size);

/* One by one: b is free by its tag; *below goes up by the blocks under it in the tree. */
const char *cairn__fit_address_audit(const cairn_fit *fit, const block *b, size_t *below);
/* All of the index; *count goes up by its blocks. */
const char *cairn__fit_segregated_audit(const cairn_fit *fit, size_t *count);
const char *cairn__fit_best_audit(const cairn_fit *fit, size_t *count);

/* ---- whichever it is ---- */

static inline void index_insert(cairn_fit *fit, block *b)
{
    if (LIKELY(fit->strategy == CAIRN_FIT_SEGREGATED))
        segregated_insert(fit, b);
    else if (fit->strategy == CAIRN_FIT_BEST)
        cairn__fit_best_insert(fit, b);
    else
        cairn__fit_address_insert(fit, b);
}

static inline void index_remove(cairn_fit *fit, block *b)
{
    if (LIKELY(fit->strategy == CAIRN_FIT_SEGREGATED))
        segregated_remove(fit, b);
    else if (fit->strategy == CAIRN_FIT_BEST)
        cairn__fit_best_remove(fit, b);
    else
        cairn__fit_address_remove(fit, b);
}

static inline block *index_take(cairn_fit *fit, size_t size)
{
    if (LIKELY(fit->strategy == CAIRN_FIT_SEGREGATED))
        return segregated_take(fit, size);
    if (fit->strategy == CAIRN_FIT_BEST)
        return cairn__fit_best_take(fit, size);
    return cairn__fit_address_take(fit, size);
}

#endif
