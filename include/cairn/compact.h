/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. A heap whose blocks may be moved: the program holds handles, and a pointer
 * only while it has the block locked. Compaction, in steps as small as you like, slides blocks
 * together in their order, so that free space gathers and regions become empty and go back.
 *
 * Handles: the Macintosh's (Inside Macintosh, 1985), with generations (the tombstones of D. Lomet,
 * IBM J. Res. Dev., 1975), so that a stale one is told from a live one. Sliding: B. Haddon and W.
 * Waite, Computer Journal, 1967. Gaps: boundary tags (D. Knuth, TAOCP 1, 2.5) in lists by size, good
 * fit in O(1) (TLSF: M. Masmano et al., ECRTS 2004). Marking: an explicit stack, and a second look
 * where that cannot grow (H. Boehm and M. Weiser, 1988).
 *
 * A block costs 8 bytes before it, is rounded up to 16 bytes, 32 at least, and has 16 bytes in a
 * table, which never moves and is not given back before the end: it is what knows stale handles.
 */
#ifndef CAIRN_COMPACT_H
#define CAIRN_COMPACT_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names a block, wherever it lies; may be copied, compared and stored. All 0: none. */
typedef struct cairn_handle {
    uint32_t index;
    uint32_t generation;
} cairn_handle;

/* Whether it is all 0. */
static inline bool cairn_handle_is_none(cairn_handle handle)
{
    return handle.index == 0;
}

/* Whether both name the same, be it live or not. */
static inline bool cairn_handle_is_equal(cairn_handle a, cairn_handle b)
{
    return a.index == b.index && a.generation == b.generation;
}

typedef struct cairn_compact cairn_compact;

/* Tells a trace's owner which block is reached; does nothing outside of that trace. */
typedef void cairn_compact_reach(cairn_compact *heap, cairn_handle handle);

/* To call reach for each handle that the object holds. Those that are none or stale are ignored. */
typedef void cairn_compact_trace(void *context, cairn_compact *heap, cairn_handle handle,
                                 const void *object, size_t size, cairn_compact_reach *reach);

/* A block is about to be freed by a collection; all others that will be are still there. */
typedef void cairn_compact_finalize(void *context, cairn_compact *heap, cairn_handle handle,
                                    void *object, size_t size);

typedef struct cairn_compact_opts {
    cairn_allocator source; /* of regions and tables; {NULL, NULL}: cairn_system() */
    void *memory;           /* the one region, the caller's; NULL: regions from the source */
    size_t memory_size;     /* bytes of it: 1 KiB to 64 GiB */
    size_t region_size;     /* bytes of a region from the source, up to 64 GiB - 8 KiB; 0: 1 MiB. A
                               larger block has one of its own */
    /* Bytes that a call which finds no room may move to make some: if a quarter of the space is free,
     * before it takes a region; else when there is none to be had. 0: none, SIZE_MAX: all. */
    size_t alloc_budget;
    cairn_compact_trace *trace;       /* NULL: objects hold no handles */
    cairn_compact_finalize *finalize; /* NULL: none */
    void *context;                    /* for both */
} cairn_compact_opts;

#define CAIRN_COMPACT_ALIGN_MAX ((size_t)4096) /* of a block, in bytes */
#define CAIRN_COMPACT_LOCKS_MAX 4095           /* of one block at a time */
#define CAIRN_COMPACT_PINS_MAX  127            /* likewise */

/* NULL: the source has no memory, or the sizes above are not kept to. */
cairn_compact *cairn_compact_create(const cairn_compact_opts *opts);
/* Ends all blocks, locked or not; no finalizer runs. NULL does nothing. O(regions). */
void cairn_compact_destroy(cairn_compact *heap);

/*
 * In what follows a handle that is not live gets the answer for failure (false, NULL, 0), and nothing
 * is done. A place in the table makes 2^32 different handles and is then used no more: a stale handle
 * never comes back to life. Heaps begin to count so far apart (by the golden ratio) that one of k
 * heaps can take another's handle for its own only after a place was used 2^32 / 3k times.
 */
typedef enum cairn_handle_state {
    CAIRN_HANDLE_LIVE,
    CAIRN_HANDLE_NONE,   /* all 0 */
    CAIRN_HANDLE_STALE,  /* its block was freed */
    CAIRN_HANDLE_FOREIGN /* not given out by this heap */
} cairn_handle_state;
cairn_handle_state cairn_compact_state_of(const cairn_compact *heap, cairn_handle handle);

/* ---- blocks ---- */

/*
 * A block, its contents unspecified or zero. None: no memory, align not a power of two or above
 * CAIRN_COMPACT_ALIGN_MAX (below 16 is 16), size above 64 GiB - 8 KiB, or in a callback. O(1), but
 * for what alloc_budget allows and, where memory ends, a look at all gaps of about this size.
 */
cairn_handle cairn_compact_alloc(cairn_compact *heap, size_t size, size_t align);
cairn_handle cairn_compact_alloc_zeroed(cairn_compact *heap, size_t size, size_t align);

/* False, and nothing done, also if it is locked or pinned, or in a callback. O(log regions). */
bool cairn_compact_dealloc(cairn_compact *heap, cairn_handle handle);

/* The handle and the alignment stay. False, the block as it was: no memory, or it is locked or pinned
 * and cannot be resized where it lies, or in a callback. O(size) if it moves. */
bool cairn_compact_resize(cairn_compact *heap, cairn_handle handle, size_t size);

/* As asked for. 0 for a block of 0 bytes, too. */
size_t cairn_compact_size(const cairn_compact *heap, cairn_handle handle);

/* The block does not move until it is unlocked as often as it was locked; the pointer is valid so
 * long. NULL: over CAIRN_COMPACT_LOCKS_MAX; false: not locked. O(1). */
void *cairn_compact_lock(cairn_compact *heap, cairn_handle handle);
bool cairn_compact_unlock(cairn_compact *heap, cairn_handle handle);

/* The same for long: a block neither locked nor pinned yet first moves to the end of a region, out of
 * compaction's way, if there is room. O(size). */
void *cairn_compact_pin(cairn_compact *heap, cairn_handle handle);
bool cairn_compact_unpin(cairn_compact *heap, cairn_handle handle);

/* ---- compaction ---- */

/*
 * Goes on with compaction. Moves at most `budget` bytes, or one block if that is larger; to look at a
 * block counts as 64 bytes. SIZE_MAX does it all. True: there is more to be done, or to be looked at.
 * Locked and pinned blocks stay, and others may pass them; those keep their order. A block moves to
 * an earlier region only if there is free space enough to be rid of a region. Callbacks: false.
 */
bool cairn_compact_step(cairn_compact *heap, size_t budget);

/* Gives back the one empty region that is kept; others go by themselves. Bytes given back. */
size_t cairn_compact_trim(cairn_compact *heap);

/* ---- collection ---- */

/* The handle at *root, as it is at the time of a collection, keeps its block. False: no memory.
 * remove: false if there is no such root; O(roots added since). A root added twice counts twice. */
bool cairn_compact_add_root(cairn_compact *heap, cairn_handle *root);
bool cairn_compact_remove_root(cairn_compact *heap, cairn_handle *root);

/*
 * Frees each block that no root, no locked and no pinned block leads to; how many. Stops the world:
 * O(handles ever in use at a time + bytes traced). Finalizers run before the first block is freed; a
 * block that one of them locks stays, for itself. Callbacks may lock and unlock, and can neither
 * allocate nor free, compact nor collect. Needs no memory, but is slower if its stack cannot grow.
 */
size_t cairn_compact_collect(cairn_compact *heap);

/* ---- figures ---- */

/* region_bytes = all blocks, with what they cost there, + free_bytes + a little for each region. */
typedef struct cairn_compact_stats {
    size_t blocks, bytes;                    /* live; as asked for */
    size_t regions, region_bytes;            /* held */
    size_t free_bytes, gaps, largest_gap;    /* in regions */
    size_t table_bytes;                      /* for handles */
    size_t steps, moved_blocks, moved_bytes; /* so far; as they lie in the region */
    size_t returned_regions;                 /* given back to the source so far */
    size_t collections, collected_blocks;    /* so far */
} cairn_compact_stats;
void cairn_compact_stats_get(const cairn_compact *heap, cairn_compact_stats *stats);

/* 0 to 100: the part of free space that is not in the largest gap. */
static inline unsigned cairn_compact_fragmentation(const cairn_compact_stats *stats)
{
    double whole = (double)stats->free_bytes, largest = (double)stats->largest_gap;
    return whole == 0 ? 0 : (unsigned)((whole - largest) * 100 / whole);
}

/* NULL: sound; else what is wrong. Blocks and gaps in their order. O(blocks + gaps + handles). */
const char *cairn_compact_audit(const cairn_compact *heap);
bool cairn_compact_visit(const cairn_compact *heap, cairn_visitor *visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
