/* SPDX-License-Identifier: MIT */
/*
 * The space of a compacting heap: gaps and the blocks cut out of them (compact_gap.c), regions
 * (compact_region.c). Moves are made here, and decided elsewhere.
 */
#ifndef CAIRN_KIT_COMPACT_GAP_H
#define CAIRN_KIT_COMPACT_GAP_H

#include "kit/compact_heap.h"

/* ---- gaps and blocks ---- */

/* The first head at or after `from` where a block of this alignment may begin. */
static inline char *aligned_head(char *from, size_t align)
{
    return from + (round_up((uintptr_t)from + HEAD, align) - ((uintptr_t)from + HEAD));
}

/* The list that a gap of so many units is in. */
unsigned cairn__compact_bin_of(size_t units);

/*
 * A gap that takes so many units at that alignment; NULL: none. Of gaps that may be too small it looks
 * at so many only.
 */
char *cairn__compact_find(const cairn_compact *heap, size_t units, size_t align, size_t looks);

/* Makes `units` at `at`, inside of a gap, a block of the place; returns what the caller gets. */
char *cairn__compact_cut(cairn_compact *heap, char *gap, char *at, size_t units, uint32_t index);

/* A chunk becomes a gap, one with those beside it. True: this has emptied its region, which may be
 * gone. */
bool cairn__compact_free_chunk(cairn_compact *heap, char *at);

/* Resizes a block where it lies; false if it has no room. */
bool cairn__compact_resize_chunk(cairn_compact *heap, char *at, size_t units);

/* A block slides down to `to`, inside of the gap right before it. Returns the gap then behind it. */
char *cairn__compact_slide(cairn_compact *heap, struct place *place, char *gap, char *to);

/* A block moves to `to`, inside of a gap elsewhere. True: its region was emptied, as above. */
bool cairn__compact_move(cairn_compact *heap, struct place *place, char *gap, char *to);

/* All of a region becomes a gap; and that gap leaves its list. */
void cairn__compact_open(cairn_compact *heap, struct region *region);
void cairn__compact_close(cairn_compact *heap, struct region *region);

/* From this head on there is something for compaction to look at. */
void cairn__compact_disturb(cairn_compact *heap, struct region *region, char *at);

/* ---- regions, and the rows that notes of them and of roots are kept in ---- */

/* Gives a row room for one more; false: the source has no memory. */
bool cairn__compact_row_grow(cairn_compact *heap, struct row *row, size_t item_size);
void cairn__compact_row_end(cairn_compact *heap, struct row *row, size_t item_size);

/* The region that this address lies in; it must be in one. */
struct region *cairn__compact_region_of(cairn_compact *heap, const char *at);

/* Adds a region that is a gap of at least so many units, and returns that. NULL: the source has no
 * memory. */
char *cairn__compact_region_take(cairn_compact *heap, size_t units);

/* Makes memory of at least 1 KiB the one region. False: the source has no memory. */
bool cairn__compact_region_fix(cairn_compact *heap, void *memory, size_t size);

/* It has no block any more: it is kept as the spare one, or goes back to the source. */
void cairn__compact_region_emptied(cairn_compact *heap, struct region *region);

/* An empty one goes back to the source. */
void cairn__compact_region_give(cairn_compact *heap, struct region *region);

/* At the end of the heap: the same, whatever is in it. Lists of gaps are not true any more. */
void cairn__compact_region_drop(cairn_compact *heap, struct region *region);

#endif
