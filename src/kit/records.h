/* SPDX-License-Identifier: MIT */
/*
 * The notes of `checked`: blocks by address, in a treap (C. Aragon, R. Seidel, Randomized Search
 * Trees, 1989): a search tree by address that is a heap by priority. The priority is a hash of the
 * address, so the tree's form depends on what is in it alone, and needs no random numbers. All
 * walks go down by loops: no recursion, whatever the tree's depth. No locks: its owner has one.
 */
#ifndef CAIRN_KIT_RECORDS_H
#define CAIRN_KIT_RECORDS_H

#include "cairn/allocator.h"

#include "base/config.h"

struct cairn_checked_record {
    struct cairn_checked_record *left, *right;
    struct cairn_checked_record *newer; /* of those that are kept */
    void *ptr;
    cairn_layout layout;
    bool freed;
};

/* Blocks are never empty here: one of 0 bytes takes its first. */
static inline uintptr_t record_end(const struct cairn_checked_record *record)
{
    return (uintptr_t)record->ptr + (record->layout.size != 0 ? record->layout.size : 1);
}

/* The last one that begins at or below address; NULL if there is none. O(log n) expected. */
struct cairn_checked_record *cairn__records_at_or_below(struct cairn_checked_record *root,
                                                        uintptr_t address);

/* Puts a record in. False: its bytes overlap those of another, and it is not in. */
bool cairn__records_put(struct cairn_checked_record **root, struct cairn_checked_record *record);

/* Takes out a record that is in. */
void cairn__records_take(struct cairn_checked_record **root, struct cairn_checked_record *record);

/* The one after `ptr` in order of addresses, the first for NULL; NULL at the end. */
struct cairn_checked_record *cairn__records_above(struct cairn_checked_record *root,
                                                  const void *ptr);

#endif
