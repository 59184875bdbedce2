/* SPDX-License-Identifier: MIT */
/*
 * Blocks above the classes. Large ones, to LARGE_MAX, are a row of units from the pool; huge ones a
 * mapping of their own, found through the map, that can be resized by remapping. Neither belongs to
 * a heap: whoever frees one gives it back at once.
 */
#ifndef CAIRN_CORE_LARGE_H
#define CAIRN_CORE_LARGE_H

#include "core/page.h"

/* align: a power of two. *zeroed (if asked): it reads as zero. NULL when out of memory or too large. */
void *cairn__large_alloc(size_t size, size_t align, bool *zeroed);

/* A block whose page's owner is OWNER_LARGE. False: not the start of one, or freed already. */
bool cairn__large_free(void *block, struct page *page);

/*
 * Resizes a large block, to more than MEDIUM_MAX and at most LARGE_MAX, where it lies. False: it
 * could not, and nothing has changed.
 */
bool cairn__large_resize(void *block, size_t size);

/* A pointer that no region holds. False: it is no huge block. */
bool cairn__huge_free(void *block);

/* Bytes that the block holds; 0: it is no huge block. */
size_t cairn__huge_size(const void *block);

/*
 * Resizes a huge block, to more than LARGE_MAX, in place or by moving its mapping. NULL: it could
 * not, and nothing has changed.
 */
void *cairn__huge_resize(void *block, size_t size);

struct huge_figures {
    size_t bytes;
    size_t peak;
    size_t count;
};
struct huge_figures cairn__huge_figures(void);

void cairn__huge_before_fork(void);
void cairn__huge_after_fork(bool child);

#endif
