/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. Blocks of powers of two, each aligned to its size, over fixed memory or
 * over regions from a source.
 *
 * The binary buddy system (Knowlton, A fast storage allocator, CACM 8, 1965; Knuth, The Art of
 * Computer Programming 1, 2.5, algorithms R and S): a block is split in halves until it is just
 * large enough, and a freed block is merged with its buddy, the other half, as long as that is
 * free. Any memory will do: it is seen as the fewest powers of two at their natural alignment that
 * fill it. A byte for each smallest block says, out of reach of the blocks, what begins there; so
 * blocks have no headers, and every pointer that is no block in use is refused, not guessed about.
 *
 * alloc and dealloc cost O(log(largest / smallest block)); a bitmap of orders finds the free block.
 * The price is what is lost inside blocks, a quarter of the memory if sizes are random; good for
 * pages, buffers and textures, that are powers of two anyway.
 */
#ifndef CAIRN_BUDDY_H
#define CAIRN_BUDDY_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_buddy_opts {
    /* The smallest block: a power of two, two pointers or more; 0: 64 bytes. The largest is 2^31
     * times that (less where addresses end). */
    size_t min_block;
    /* For cairn_buddy_init: where more regions come from; {NULL, NULL}: nowhere. It is asked for
     * powers of two, aligned to themselves, and a byte for each smallest block on top. */
    cairn_allocator source;
    /* Bytes of blocks in a region of the source at least, rounded up to a power of two; 0: 1 MiB.
     * It takes half of what it has got if that is more, and just what a request needs if that is
     * refused. */
    size_t region;
    size_t limit; /* bytes it may have of the source at any time; 0: no limit */
} cairn_buddy_opts;

struct cairn__buddy_block;
struct cairn__buddy_region;

/* In the caller's storage, not to be moved or copied; all fields are private. */
typedef struct cairn_buddy {
    struct cairn__buddy_region *recent; /* the one that was looked up last */
    struct cairn__buddy_block *lists[32];
    uint32_t map; /* a bit for each list that is not empty */
    unsigned char shift, max_order;
    bool is_watched;
    size_t in_use, requested, peak, refused;
    struct cairn__buddy_region *regions, *spare;
    cairn_allocator source;
    size_t region_min, limit, taken, own_size;
} cairn_buddy;

/*
 * Over `size` bytes at buffer, of any size and alignment; they are the buddy's until
 * cairn_buddy_fini. buffer NULL with size 0 needs opts->source. opts NULL: the defaults. False, and
 * nothing taken: buffer too small for one block, or options not valid. O(size / min_block).
 */
bool cairn_buddy_init(cairn_buddy *buddy, void *buffer, size_t size, const cairn_buddy_opts *opts);

/* Gives all regions back to the source, live blocks or not. Safe after an init that failed. */
void cairn_buddy_fini(cairn_buddy *buddy);

/* The same on a source alone; {NULL, NULL}: cairn_system(), or NULL where there is none. The
 * opts->source is not looked at. NULL: no memory, or options not valid. No region is taken yet. */
cairn_buddy *cairn_buddy_create(cairn_allocator source, const cairn_buddy_opts *opts);
void cairn_buddy_destroy(cairn_buddy *buddy); /* NULL does nothing */

/* Adds the caller's memory, which is the buddy's until it ends. False: too small for one block.
 * O(size / min_block). */
bool cairn_buddy_add_region(cairn_buddy *buddy, void *buffer, size_t size);

/*
 * A block of the least power of two that has the size and the alignment; NULL: out of memory, or a
 * layout that is not valid. O(log); where it grows, the cost of the source and O(size / min_block).
 */
void *cairn_buddy_alloc(cairn_buddy *buddy, cairn_layout layout);

/*
 * Ends a block; `layout` as it was allocated. What is not the start of a block in use of the size
 * that such a layout gets is ignored and counted: false. NULL: false, not counted. O(log), and with
 * many regions, finding that of ptr: O(regions) at worst.
 *
 * An empty region goes back to its source when there is another empty one, the larger of the two:
 * one is kept.
 */
bool cairn_buddy_dealloc(cairn_buddy *buddy, void *ptr, cairn_layout layout);

/*
 * Resizes in place if it shrinks, or if the buddies after it that it would grow over are free; else
 * allocates, copies, deallocates. NULL, and the block as it was: out of memory, {new_size,
 * layout.align} not valid, or ptr refused as by cairn_buddy_dealloc. ptr NULL: cairn_buddy_alloc.
 */
void *cairn_buddy_realloc(cairn_buddy *buddy, void *ptr, cairn_layout layout, size_t new_size);

/* Gives back every region of the source that is empty: how many bytes. O(regions). */
size_t cairn_buddy_trim(cairn_buddy *buddy);

/* Ends all blocks; regions stay. O(memory / min_block). */
void cairn_buddy_reset(cairn_buddy *buddy);

/* True if ptr lies in a region, where blocks lie. O(regions). */
bool cairn_buddy_owns(const cairn_buddy *buddy, const void *ptr);

/* All ops, and owns. Usable size: all of the block. */
cairn_allocator cairn_buddy_allocator(cairn_buddy *buddy);

/* In bytes, unless said otherwise. */
typedef struct cairn_buddy_stats {
    size_t in_use, blocks;         /* in blocks in use; how many */
    size_t requested;              /* of in_use; the rest is lost inside blocks */
    size_t peak;                   /* highest in_use so far */
    size_t free, free_blocks;      /* how many */
    size_t largest_free;           /* block */
    size_t regions, regions_bytes; /* how many; with their records */
    size_t refused;                /* calls of dealloc and realloc whose ptr was no block in use */
} cairn_buddy_stats;

/* O(blocks). */
void cairn_buddy_stats_get(const cairn_buddy *buddy, cairn_buddy_stats *stats);

/* Internal waste: the part of the blocks in use that nobody asked for, 0 to 1. */
static inline double cairn_buddy_waste(const cairn_buddy_stats *stats)
{
    return stats->in_use == 0 ? 0.0 : 1.0 - (double)stats->requested / (double)stats->in_use;
}

/* Walks every byte of the records and every list: sizes, alignments, sums, the map of lists, and
 * that no free block has a free buddy. O(memory / min_block + free blocks × regions). */
const char *cairn_buddy_audit(const cairn_buddy *buddy);

/* Blocks and gaps by address. False: stopped. O(blocks + regions²). */
bool cairn_buddy_visit(const cairn_buddy *buddy, cairn_visitor *visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
