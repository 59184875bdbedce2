/* SPDX-License-Identifier: MIT */
/*
 * Blocks, tags and regions of a fit: the vocabulary of its files.
 *
 *   region   header | block | block | ... | end
 *   block    tag | the caller's bytes                          in use
 *            tag | next | slot or a tree's links | ... | size  free
 *
 * A tag is the block's size in bytes, its tag included, and three bits. It stands one word before a
 * multiple of GRANULE; so payloads are aligned to GRANULE. For each block b:
 *
 *   size(b) % GRANULE = 0, size(b) >= BLOCK_MIN
 *   b is FREE      <=>  the block after it has PREV_FREE  <=>  b is in the index
 *   b is FREE       =>  its last word is size(b)
 *   b is KEPT       =>  b is not FREE, and in fit->kept[size(b) / GRANULE]
 *   coalescing is not never, b is FREE  =>  the blocks around it are not
 *
 * The end of a region is a tag of size 0 and a pointer to the region.
 *
 * Where tools watch, all of it is hidden from them, and looked at by QUIET functions only.
 */
#ifndef CAIRN_KIT_FIT_BLOCK_H
#define CAIRN_KIT_FIT_BLOCK_H

#include "cairn/fit.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/quiet.h"

enum {
    WORD = sizeof(size_t),
    GRANULE = 2 * WORD,
    BLOCK_MIN = 4 * WORD,

    TAG_FREE = 1,
    TAG_PREV_FREE = 2,
    TAG_KEPT = 4,
    TAG_BITS = 7,

    KEPT_LISTS = WORD == 8 ? 128 : 32, /* blocks of less than so many granules are kept */
};

struct cairn__fit_block {
    size_t tag;
    union {
        struct { /* in a list, or kept: next alone */
            struct cairn__fit_block *next;
            struct cairn__fit_block **slot; /* what points to this block */
        };
        struct { /* in the tree by address */
            struct cairn__fit_block *left, *right;
        };
        struct cairn__fit_region *region; /* of an end */
    };
    /* In a trie by size; smaller blocks end before this. */
    struct cairn__fit_block *prev;
    struct cairn__fit_block *child[2];
};

struct cairn__fit_region {
    struct cairn__fit_region *next;
    struct cairn__fit_block *end;
    size_t size; /* as the source gave it; 0: the caller's memory */
};

typedef struct cairn__fit_block block;
typedef struct cairn__fit_region region;

enum {
    /* Of a region whose address is a multiple of GRANULE. */
    FIRST_OFFSET = (sizeof(region) + WORD + GRANULE - 1) / GRANULE * GRANULE - WORD,
    REGION_OVERHEAD = FIRST_OFFSET + 2 * WORD,
};

_Static_assert(offsetof(block, prev) <= BLOCK_MIN - WORD, "a free block holds links and its size");
_Static_assert(offsetof(block, region) == WORD, "a region ends with two words");

/* ---- blocks ---- */

static inline block *block_at(const void *address, size_t offset)
{
    return (block *)((char *)(uintptr_t)address + offset);
}

static inline block *block_before(const block *b, size_t size)
{
    return (block *)((char *)(uintptr_t)b - size);
}

static inline void *payload_of(const block *b)
{
    return (char *)(uintptr_t)b + WORD;
}

static inline block *block_of(const void *payload)
{
    return (block *)((char *)(uintptr_t)payload - WORD);
}

/* For a request; size: of a valid layout. */
static inline size_t block_size_for(size_t size)
{
    return size_max(round_up(size + WORD, GRANULE), BLOCK_MIN);
}

QUIET static inline size_t tag_of(const block *b)
{
    return b->tag;
}

QUIET static inline void set_tag(block *b, size_t tag)
{
    b->tag = tag;
}

static inline size_t size_in(size_t tag)
{
    return tag & ~(size_t)TAG_BITS;
}

static inline size_t size_of(const block *b)
{
    return size_in(tag_of(b));
}

static inline bool is_free(const block *b)
{
    return (tag_of(b) & TAG_FREE) != 0;
}

static inline block *block_after(const block *b)
{
    return block_at(b, size_of(b));
}

/* The last word of the block before b; its size if that is free. */
QUIET static inline size_t size_before(const block *b)
{
    return ((const size_t *)b)[-1];
}

/* Makes b a free block of `size`, its last word and the one after it included. */
QUIET static inline void make_free(block *b, size_t size)
{
    block *after = block_at(b, size);
    b->tag = size | TAG_FREE | (b->tag & TAG_PREV_FREE);
    ((size_t *)after)[-1] = size;
    after->tag |= TAG_PREV_FREE;
}

/* ---- regions ---- */

static inline block *first_of(const region *r)
{
    return block_at(r, FIRST_OFFSET);
}

static inline bool is_end(const block *b)
{
    return size_of(b) == 0;
}

QUIET static inline region *region_at(const block *end)
{
    return end->region;
}

QUIET static inline region *region_after(const region *r)
{
    return r->next;
}

QUIET static inline block *end_of(const region *r)
{
    return r->end;
}

QUIET static inline size_t source_size_of(const region *r)
{
    return r->size;
}

/* Bytes from its first payload to where one after the last would be: the sum of its blocks. */
QUIET static inline size_t span_of(const region *r)
{
    return (size_t)((char *)end_of(r) - (char *)first_of(r));
}

/* The region that ptr, a payload or not, lies in; NULL: in none. */
static inline region *region_of(const cairn_fit *fit, const void *ptr)
{
    for (region *r = fit->regions; r != NULL; r = region_after(r))
        if ((uintptr_t)ptr - (uintptr_t)payload_of(first_of(r)) < span_of(r))
            return r;
    return NULL;
}

/* Whether b may be looked at as a free block: for an audit, of links that may be wrong. */
static inline bool is_plausible(const cairn_fit *fit, const block *b)
{
    return is_aligned((uintptr_t)payload_of(b), GRANULE) && region_of(fit, payload_of(b)) != NULL &&
           is_free(b) && size_of(b) >= BLOCK_MIN;
}

/* ---- what the files of fit ask of each other ---- */

/* A region of the source whose first block is at least `size`; it is in the index. */
bool cairn__fit_grow(cairn_fit *fit, size_t size);

/* After b, a free block in the index, has become all of its region. */
void cairn__fit_emptied(cairn_fit *fit, block *b);

/* Merges every block that is kept. */
void cairn__fit_merge_kept(cairn_fit *fit);

#endif
