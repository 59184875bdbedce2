/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. A general allocator of size classes, each with slabs of equal blocks: what
 * J. Bonwick's kmem_alloc is to his object caches ("The Slab Allocator: An Object-Caching Kernel
 * Memory Allocator", USENIX Summer 1994).
 *
 * Classes: steps of 16 bytes to 256, then 8 to each doubling, to CAIRN_SLAB_SET_MAX. Larger blocks
 * are the source's own, passed on as they are. The class follows from the layout, so nothing is kept
 * with a block, and the set writes nothing into blocks. All classes take their slabs from the same
 * chunks of memory: a slab that one has emptied serves another. New blocks go to the slabs that are
 * fullest, so that others become empty.
 *
 * What is free is known bit by bit, and every block that ends is looked up: one that is not in use,
 * not of this set or not of that layout changes nothing and is counted. (Layouts of one class count
 * as one, and a block of the class above will do, for a class may have borrowed it.)
 *
 * Alignment is that of the layout, any power of two; it makes small blocks as large as itself.
 *
 * Costs 192 bytes and two slots of 16 for a slab of 16 KiB, 20 KiB for the set. Larger blocks cost
 * two to four slots. All is O(1), but for calls of the source and for what says otherwise.
 */
#ifndef CAIRN_SLAB_SET_H
#define CAIRN_SLAB_SET_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_slab_set cairn_slab_set;

/* Bytes: the largest class, a slab, which is also what the source must be able to align to, and the
 * step between the smallest classes; and how many classes there are. */
enum {
    CAIRN_SLAB_SET_MAX = 2048,
    CAIRN_SLAB_SET_SLAB = 16384,
    CAIRN_SLAB_SET_STEP = 16,
    CAIRN_SLAB_SET_CLASSES = 40
};

typedef struct cairn_slab_set_opts {
    cairn_allocator source; /* of all that the set needs; {NULL, NULL}: cairn_system() */

    /* Bytes in chunks of slabs that no class has, which stay for reuse when a block ends; one chunk
     * may always stay. 0: no bound; they stay until a trim. */
    size_t max_empty;
} cairn_slab_set_opts;

typedef struct cairn_slab_set_stats {
    size_t live, live_bytes;   /* blocks of classes in use; their bytes, as classes have them */
    size_t large, large_bytes; /* blocks that are the source's own */
    size_t chunks, slabs, slabs_free; /* slabs in chunks; of these, in no class */
    size_t bytes;    /* that the source gave: chunks, large blocks, notes, the set */
    size_t refusals; /* blocks given back that were not the set's to end */
} cairn_slab_set_stats;

typedef struct cairn_slab_set_class_stats {
    size_t size;         /* bytes in a block */
    size_t slab_blocks;  /* blocks in a slab */
    size_t slabs;        /* that it holds */
    size_t blocks, live; /* in its slabs; of these, in use */
} cairn_slab_set_class_stats;

/* An empty set. NULL: out of memory. opts NULL: all defaults. O(classes). */
cairn_slab_set *cairn_slab_set_create(const cairn_slab_set_opts *opts);

/* Everything goes back to the source, live blocks too. NULL does nothing. O(slabs + large). */
void cairn_slab_set_destroy(cairn_slab_set *set);

/* ---- blocks ---- */

/* NULL: out of memory, or the layout is not valid. Size 0 counts as 1. */
void *cairn_slab_set_alloc(cairn_slab_set *set, cairn_layout layout);

/* Ends a block of that layout. False, and nothing is done but to count it: ptr is none of the set's
 * in use, or of another class; or NULL. */
bool cairn_slab_set_dealloc(cairn_slab_set *set, void *ptr, cairn_layout layout);

/*
 * Resizes a block, in place within a class; a large one as the source does it. NULL, and the block
 * is as it was: out of memory, a layout that is not valid, or no such block. ptr NULL: alloc.
 */
void *cairn_slab_set_realloc(cairn_slab_set *set, void *ptr, cairn_layout layout, size_t new_size);

/* Ends all blocks. Chunks stay as max_empty allows. O(slabs + large). */
void cairn_slab_set_reset(cairn_slab_set *set);

/* Gives back all chunks without a block in use. Returns the bytes that went to the source.
 * O(chunks + classes). */
size_t cairn_slab_set_trim(cairn_slab_set *set);

/* ---- questions ---- */

/* True if ptr lies in a block in use. Any ptr may be asked about. O(1) for blocks of classes and for
 * where large ones begin, O(large) for anything else. */
bool cairn_slab_set_owns(const cairn_slab_set *set, const void *ptr);

void cairn_slab_set_stats_get(const cairn_slab_set *set,
                              cairn_slab_set_stats *stats); /* O(slabs) */

/* Of class `index`, 0 to CAIRN_SLAB_SET_CLASSES - 1; false for another. O(slabs). */
bool cairn_slab_set_class_stats_get(const cairn_slab_set *set, size_t index,
                                    cairn_slab_set_class_stats *stats);

/* NULL, or what is wrong with the set's own notes. O(slabs + large). */
const char *cairn_slab_set_audit(const cairn_slab_set *set);

/* Each block in use, each row of free ones and each free slab as a gap; false if ended. */
bool cairn_slab_set_visit(const cairn_slab_set *set, cairn_visitor *visitor, void *context);

/* All ops. What dealloc refuses is only counted. */
cairn_allocator cairn_slab_set_allocator(cairn_slab_set *set);

#ifdef __cplusplus
}
#endif

#endif
