/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. A free list with boundary tags: a general allocator over fixed memory or
 * over regions from a source, with the textbook's choices to choose from.
 *
 * Each block has a word in front (its size, whether it is free, whether the block before it is), a
 * free one repeats its size in its last word: neighbours are found and merged in O(1) (Knuth, The
 * Art of Computer Programming 1, section 2.5, 1973). Blocks are multiples of two words, at least
 * four; a block of n bytes takes n and a word, rounded up to that. On 64 bits: 16 bytes apart, 8 of
 * them overhead, 24 usable at least. The strategies, with n free blocks:
 *
 *   segregated  the first block of the first list whose blocks all fit; a list for each 1/32 of a
 *               power of two (1/16 on 32 bits), found by two bitmaps: O(1) whatever n and the size
 *               of the memory (TLSF: Masmano, Ripoll, Crespo, Real, 2004)
 *   best        the smallest that fits: a list for each small size, a bitwise trie by size for each
 *               power of two above, as in Lea's dlmalloc 2.8: O(bits of a size), whatever n
 *   first       that of the lowest address: a tree by address with the largest on top (Stephenson,
 *               Fast fits, 1983): O(log n) as a rule; O(n) if sizes are sorted by address
 *   next        the first from where the last one was taken, in the same tree
 *
 * Coalescing: immediate merges a freed block with its free neighbours at once. Deferred keeps
 * blocks of up to 128 times two words (32 on 32 bits) on lists of equal size, for the next request
 * of that size, and merges all of them when a request cannot be met or enough of them are kept:
 * that one call is O(kept). Never does not merge; for programs that reuse few sizes.
 */
#ifndef CAIRN_FIT_H
#define CAIRN_FIT_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cairn_fit_strategy { CAIRN_FIT_SEGREGATED, CAIRN_FIT_BEST, CAIRN_FIT_FIRST, CAIRN_FIT_NEXT };

enum cairn_fit_coalescing { CAIRN_FIT_IMMEDIATE, CAIRN_FIT_DEFERRED, CAIRN_FIT_NEVER };

typedef struct cairn_fit_opts {
    enum cairn_fit_strategy strategy;
    enum cairn_fit_coalescing coalescing;
    /* For cairn_fit_init: where more regions come from; {NULL, NULL}: nowhere. */
    cairn_allocator source;
    /* Bytes to ask of the source at least; 0: 64 KiB. It asks for half of what it has got if that
     * is more, and for just what a request needs if that is refused. */
    size_t region;
    /* Bytes it may have of the source at any time, its own records included; 0: no limit. */
    size_t limit;
    /* Bytes of the largest region to be added without a source; 0: none larger than the buffer. The
     * records of segregated and best grow by 264 bytes (on 32 bits 68) and 8 for each doubling. */
    size_t max_region;
    size_t kept_max; /* deferred: blocks kept before they are merged; 0: 256 */
} cairn_fit_opts;

struct cairn__fit_block;
struct cairn__fit_region;

/* In the caller's storage, not to be moved or copied; all fields are private. */
typedef struct cairn_fit {
    uintptr_t start; /* of the blocks of the region that was looked up last */
    size_t span;
    struct cairn__fit_block **lists;
    uint32_t *maps;   /* a bit for each list of a row */
    uint32_t row_map; /* a bit for each row */
    uint32_t list_count;
    unsigned char rows;
    unsigned char strategy, coalescing;
    bool is_watched;
    bool is_created;
    size_t max_block;
    struct cairn__fit_block **kept; /* NULL unless deferred */
    size_t kept_count, kept_max;
    size_t in_use, peak, refused;
    uintptr_t rover; /* next: where the last block ended */
    struct cairn__fit_region *regions, *spare;
    cairn_allocator source;
    size_t region_min, limit, taken, records_size;
    void *records; /* NULL: in the buffer */
} cairn_fit;

/*
 * Over `size` bytes at buffer, of any alignment; they are the fit's until cairn_fit_fini. buffer
 * NULL with size 0 needs opts->source. The records take some hundred bytes of the buffer; with a
 * source segregated's are for any size, 8 KiB (on 32 bits 2). opts NULL: segregated, immediate, no
 * source. False, and nothing taken: buffer too small for one block or too large (512 GiB for
 * segregated and best), options not valid, or no memory. O(1).
 */
bool cairn_fit_init(cairn_fit *fit, void *buffer, size_t size, const cairn_fit_opts *opts);

/* Gives all regions back to the source, live blocks or not. Safe after an init that failed. */
void cairn_fit_fini(cairn_fit *fit);

/* The same on a source alone; {NULL, NULL}: cairn_system(), or NULL where there is none. The
 * opts->source is not looked at. NULL: no memory, or options not valid. No region is taken yet. */
cairn_fit *cairn_fit_create(cairn_allocator source, const cairn_fit_opts *opts);
void cairn_fit_destroy(cairn_fit *fit); /* NULL does nothing */

/* Adds the caller's memory, which is the fit's until it ends. False: too small for one block, or
 * larger than opts->max_region and the buffer. O(1); every region makes owns a step slower. */
bool cairn_fit_add_region(cairn_fit *fit, void *buffer, size_t size);

/*
 * A block, or NULL: out of memory, or a layout that is not valid. Any alignment: what is skipped
 * in front becomes a free block. The search is for as much more as could be skipped. Cost: as above.
 */
void *cairn_fit_alloc(cairn_fit *fit, cairn_layout layout);

/*
 * Ends a block; `layout` as it was allocated. What is not a block in use of such a layout (freed
 * already, never allocated here, its tag or its neighbours' overwritten) is found by the tags as far
 * as they can tell, ignored and counted: false. NULL: false, not counted. O(1) and the cost of
 * listing a free block; with many regions, finding that of ptr comes on top, O(regions) at worst.
 *
 * An empty region goes back to its source when there is another empty one, the larger of the two:
 * one is kept. Never under CAIRN_FIT_NEVER.
 */
bool cairn_fit_dealloc(cairn_fit *fit, void *ptr, cairn_layout layout);

/*
 * Resizes in place if it shrinks, or if the next block is free and large enough; moves down into a
 * free block before it; else allocates, copies, deallocates. NULL, and the block as it was: out of
 * memory, {new_size, layout.align} not valid, or ptr refused as by cairn_fit_dealloc. ptr NULL:
 * cairn_fit_alloc.
 */
void *cairn_fit_realloc(cairn_fit *fit, void *ptr, cairn_layout layout, size_t new_size);

/* Merges what is kept, and gives back every region of the source that is empty: how many bytes.
 * Under CAIRN_FIT_NEVER: 0. O(kept + regions). */
size_t cairn_fit_trim(cairn_fit *fit);

/* Ends all blocks; regions stay. O(regions + records). */
void cairn_fit_reset(cairn_fit *fit);

/* True if ptr lies in a region, where blocks lie. O(regions). */
bool cairn_fit_owns(const cairn_fit *fit, const void *ptr);

/* All ops, and owns. Usable size: all of the block. */
cairn_allocator cairn_fit_allocator(cairn_fit *fit);

/* In bytes, unless said otherwise. */
typedef struct cairn_fit_stats {
    size_t in_use, blocks;         /* with their tags; how many */
    size_t peak;                   /* highest in_use so far */
    size_t free, free_blocks;      /* that can be used at once, or are kept; how many */
    size_t kept;                   /* blocks that deferred coalescing keeps, of free_blocks */
    size_t largest_free;           /* block */
    size_t regions, regions_bytes; /* how many; with their records */
    size_t refused;                /* calls of dealloc and realloc whose ptr was no block in use */
} cairn_fit_stats;

/* O(blocks). */
void cairn_fit_stats_get(const cairn_fit *fit, cairn_fit_stats *stats);

/* External fragmentation: the part of the free memory that is not in its largest block, 0 to 1. */
static inline double cairn_fit_fragmentation(const cairn_fit_stats *stats)
{
    return stats->free == 0 ? 0.0 : 1.0 - (double)stats->largest_free / (double)stats->free;
}

/* Walks each region by its tags and each list: tags, sums, bitmaps, order of the trees, and that no
 * two free blocks are neighbours (unless never merged). O(blocks × depth of the tree). */
const char *cairn_fit_audit(const cairn_fit *fit);

/* Blocks and gaps by address, the tags left out; kept blocks are gaps. False: stopped. O(blocks +
 * regions²). */
bool cairn_fit_visit(const cairn_fit *fit, cairn_visitor *visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
