/* SPDX-License-Identifier: MIT */
/*
 * Blocks above the classes. Large ones, mostly to LARGE_MAX, are a row of units from the pool; huge
 * ones a mapping of their own (huge.h). Neither belongs to a heap, except to a separate one
 * (separate.h): whoever frees one gives it back at once.
 */
#ifndef CAIRN_CORE_LARGE_H
#define CAIRN_CORE_LARGE_H

#include "core/heap.h"

/*
 * align: a power of two. *zeroed (if asked): it reads as zero. separate: NULL, or the heap it shall
 * belong to, locked. NULL when out of memory or too large.
 */
void *cairn__large_alloc(size_t size, size_t align, bool *zeroed, struct heap *separate);

/*
 * A block for one that grows: a row of units, with free ones behind it if it grows in small steps, or a
 * mapping of its own that can be moved without being copied. NULL: there may still be another place.
 */
void *cairn__large_alloc_growing(size_t old_size, size_t size);

/* A block whose page's owner is OWNER_LARGE. False: not the start of one, or freed already. */
bool cairn__large_free(void *block, struct page *page);

/* Frees all large and huge blocks of a separate heap, locked. */
void cairn__large_free_all(struct heap *separate);

/*
 * Resizes a large block, to more than MEDIUM_MAX and at most LARGE_MAX, where it lies. False: it
 * could not, and nothing has changed.
 */
bool cairn__large_resize(void *block, size_t size);

#endif
