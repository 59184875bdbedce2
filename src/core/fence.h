/* SPDX-License-Identifier: MIT */
/*
 * The fence around a large block, in the hardened build. Of its units only the system's pages that it
 * needs can be accessed; the block ends where they end, but for what its alignment leaves, and that
 * holds a canary. So a byte beyond it, or before the first page, is an access that the processor
 * refuses. When it is freed all of it is closed, and holds no memory.
 */
#ifndef CAIRN_CORE_FENCE_H
#define CAIRN_CORE_FENCE_H

#include "core/page.h"

/* What is around a block: it lies from start to behind, within what can be accessed. */
struct fence {
    char *first;
    char *start;
    char *behind;
    char *end;
    uint64_t secret;
};

/* Puts canaries where the block is not. */
void cairn__fence_fill(const struct fence *fence);

/* Aborts if one was written to. */
void cairn__fence_look(const struct fence *fence);

/* ---- of large blocks ---- */

/* A page that was just taken, of units that cannot be accessed; it knows what was asked for. False: the
 * system does not let them be opened. */
bool cairn__fence_open(struct page *page, size_t size, size_t align);

/* What was asked for. */
static inline size_t fence_size(const struct page *page)
{
    return ((size_t)page->units << UNIT_SHIFT) - page->needed;
}

/* Aborts if what lies behind the block was written to. */
void cairn__fence_check(const struct page *page);

/* Checks it, and takes all access away. */
void cairn__fence_close(struct page *page);

/* The block is to hold `size` bytes, where it begins; the caller notes it. False: it cannot. */
bool cairn__fence_move(struct page *page, size_t size);

#endif
