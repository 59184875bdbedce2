/* SPDX-License-Identifier: MIT */
/*
 * What the files of the compacting heap share: a region's notes, the table of handles, the heap.
 *
 * A region is a row of chunks, and each chunk a block or a gap, in units of 16 bytes. Before each
 * stands one word, its head; chunks begin 8 bytes before a multiple of 16, so that what follows the
 * head is aligned. A row ends in a head that is no chunk's.
 *     head = units | index << 32 | BEFORE_IS_GAP
 *     gap:   head (index 0), next, previous (in its list), ..., foot (units)
 * A gap of one unit has a foot and no links, and is in no list. No two gaps touch.
 *
 * The order of blocks is that of the regions (as they were taken), then of addresses.
 */
#ifndef CAIRN_KIT_COMPACT_HEAP_H
#define CAIRN_KIT_COMPACT_HEAP_H

#include "cairn/compact.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/visible.h"

enum {
    UNIT = 16,
    HEAD = 8,
    UNITS_MIN = 2, /* of a block: what it leaves can be listed */

    BINS = 240,    /* below 16 units one for each size, then eight for each power of two */
    SEGMENTS = 25, /* of the table: 64 places in the first, each twice as large as the last */
    SEGMENT_FIRST = 64,
    STACK_FIRST = 256, /* places to trace, before the source is asked for more room */
};

#define UNITS_MAX     ((size_t)UINT32_MAX)
#define SIZE_LIMIT    (64 * GIB - 8 * KIB) /* of a block */
#define INDEX_LIMIT   0x7fffffffu          /* no place has it: the head of a region's end */
#define BEFORE_IS_GAP ((uint64_t)1 << 63)

typedef uint64_t __attribute__((may_alias)) word;

/* ---- the table ---- */

/*
 * A place in the table. In use: block != NULL, and a handle is live if it has this generation. Free:
 * the generation is the next handle's; `next` the next free place, 0 at the end of the list, or
 * INDEX_LIMIT: all generations are used up.
 */
struct place {
    char *block;
    uint32_t generation;
    union {
        struct {
            uint32_t locks      : 12;
            uint32_t pins       : 7;
            uint32_t align      : 4; /* log2, less 4 */
            uint32_t slack      : 5; /* bytes of the chunk behind the block's */
            uint32_t is_fresh   : 1; /* never locked: nobody can have written to it */
            uint32_t was_in_way : 1; /* compaction has passed it while it could not be moved */
            uint32_t is_marked  : 1; /* by a collection: reached, */
            uint32_t is_traced  : 1; /* and what it leads to as well */
        };
        uint32_t next;
    };
};

/* ---- a region ---- */

struct region {
    struct region *before, *after; /* in their order */
    char *first, *end;             /* heads: of the first chunk, and of no chunk */
    char *cursor;  /* compaction has something to look at from this head on; NULL: nothing */
    char *left;    /* the first gap that it has left because of a block in its way; NULL: none */
    char *ceiling; /* the lowest of the pinned blocks gathered at the end; end if none */
    size_t size;   /* bytes, with this struct at their begin */
};

/* ---- the heap ---- */

struct row {
    void *items;
    size_t count, capacity;
};

struct cairn_compact {
    /* set once */
    cairn_allocator source;
    size_t region_size, alloc_budget;
    cairn_compact_trace *trace;
    cairn_compact_finalize *finalize;
    void *context;
    struct region *fixed; /* the one region, in the caller's memory; or NULL */
    uint32_t first_generation;
    bool is_watched;

    /* regions */
    struct region *first, *last;
    struct region *spare;  /* has no block; the last in the order. NULL: none, or fixed */
    struct region *recent; /* the one that was looked up last */
    struct region *pinned; /* the one that took the last pinned block */
    struct row by_address; /* struct region *, sorted */
    size_t region_bytes;

    /* gaps: bit i of bin_mask says whether bins[i] has any */
    char *bins[BINS];
    uint64_t bin_mask[(BINS + 63) / 64];
    size_t gaps, free_units;

    /* handles; places[0] names none */
    struct place *segments[SEGMENTS];
    uint32_t places;   /* made so far */
    uint32_t capacity; /* of the segments there are */
    uint32_t free_place;
    size_t blocks, bytes;

    /* compaction: regions whose cursor is not NULL, and where to go on */
    size_t unsettled;
    struct region *hand;

    /* collection */
    struct row roots; /* cairn_handle * */
    uint32_t *stack;  /* places to trace: first_marks, or the source's */
    size_t stack_count, stack_capacity;
    uint32_t overflow; /* the lowest place that found no room on the stack; INDEX_LIMIT: none */
    enum { AT_REST, MARKING, ENDING } phase; /* other than AT_REST: in a callback */

    size_t steps, moved_blocks, moved_bytes, returned_regions, collections, collected_blocks;

    uint32_t first_marks[STACK_FIRST];
};

/* ---- words of the allocator's own, which tools must not see the program touch ---- */

uint64_t cairn__compact_word_get_watched(const char *at);
void cairn__compact_word_put_watched(char *at, uint64_t value);

static inline uint64_t word_get(const cairn_compact *heap, const char *at)
{
    if (UNLIKELY(heap->is_watched))
        return cairn__compact_word_get_watched(at);
    return *(const word *)at;
}

static inline void word_put(const cairn_compact *heap, char *at, uint64_t value)
{
    if (UNLIKELY(heap->is_watched))
        cairn__compact_word_put_watched(at, value);
    else
        *(word *)at = value;
}

static inline size_t head_units(uint64_t head)
{
    return (uint32_t)head;
}

static inline uint32_t head_index(uint64_t head)
{
    return (uint32_t)(head >> 32) & INDEX_LIMIT;
}

static inline bool head_is_gap(uint64_t head)
{
    return head_index(head) == 0;
}

static inline uint64_t head_of(size_t units, uint32_t index, bool before_is_gap)
{
    return (uint64_t)units | (uint64_t)index << 32 | (before_is_gap ? BEFORE_IS_GAP : 0);
}

/* The gap right before a head that says BEFORE_IS_GAP. */
static inline char *gap_before(const cairn_compact *heap, char *at)
{
    return at - word_get(heap, at - HEAD) * UNIT;
}

/* ---- places ---- */

static inline struct place *place_at(const cairn_compact *heap, uint32_t index)
{
    uint32_t i = index + SEGMENT_FIRST;
    unsigned segment = log2_floor(i) - 6;
    return &heap->segments[segment][i - ((uint32_t)SEGMENT_FIRST << segment)];
}

/* NULL: the handle is not live. */
static inline struct place *place_of(const cairn_compact *heap, cairn_handle handle)
{
    if (UNLIKELY(handle.index == 0 || handle.index >= heap->places))
        return NULL;
    struct place *place = place_at(heap, handle.index);
    return place->generation == handle.generation && place->block != NULL ? place : NULL;
}

static inline bool place_is_movable(const struct place *place)
{
    return place->locks == 0 && place->pins == 0;
}

static inline char *place_head(const struct place *place)
{
    return place->block - HEAD;
}

/* Bytes, as asked for. */
static inline size_t place_size(const cairn_compact *heap, const struct place *place)
{
    return head_units(word_get(heap, place_head(place))) * UNIT - HEAD - place->slack;
}

static inline size_t place_align(const struct place *place)
{
    return (size_t)UNIT << place->align;
}

/* ---- compact.c ---- */

/* A block that nothing forbids to free becomes a gap, its place free. */
void cairn__compact_end_block(cairn_compact *heap, uint32_t index);

/* To tools: the program may touch a block from now on, or not any more. */
void cairn__compact_show(const cairn_compact *heap, const struct place *place);
void cairn__compact_hide(const cairn_compact *heap, const struct place *place);

static inline void place_show(const cairn_compact *heap, const struct place *place)
{
    if (UNLIKELY(heap->is_watched))
        cairn__compact_show(heap, place);
}

static inline void place_hide(const cairn_compact *heap, const struct place *place)
{
    if (UNLIKELY(heap->is_watched))
        cairn__compact_hide(heap, place);
}

/* ---- compact_step.c ---- */

/* A step, as cairn_compact_step; adds what it has spent of its budget to *spent. */
bool cairn__compact_step(cairn_compact *heap, size_t budget, size_t *spent);

#endif
