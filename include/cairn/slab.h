/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. A cache of objects of one type: the slab allocator of J. Bonwick, "The Slab
 * Allocator: An Object-Caching Kernel Memory Allocator", USENIX Summer 1994.
 *
 * Memory comes from a source in slabs, aligned blocks that are cut into equal objects. An object
 * that goes back to the cache stays what it is: the constructor runs for each object when its slab
 * comes, the destructor when the slab goes, not once for each use. The cache writes nothing into
 * objects, in use or free. Slabs begin at different colours, so that the hot fields of many objects
 * do not fight for the same lines of a processor's cache. Slabs that are empty stay for reuse, until
 * reap, shrink or a bound gives them back.
 *
 * What is free is a bit for each object, 64 to a group, and one group is open: alloc and dealloc
 * there are a dozen instructions, inline. Elsewhere a slab is found by masking the address, and
 * looked up in a hash table of all slabs, so that dealloc knows for certain whether an address is
 * one of its objects and in use: it answers false to any other and changes nothing.
 *
 * Costs a bit an object, 56 bytes and two slots of 16 a slab; at most 1/32 of a slab for colours and
 * notes together. Constructors and destructors must not use the cache that calls them.
 */
#ifndef CAIRN_SLAB_H
#define CAIRN_SLAB_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_slab cairn_slab;

typedef struct cairn_slab_opts {
    cairn_allocator source; /* of all that the cache needs; {NULL, NULL}: cairn_system() */

    /* Bytes in a slab, and what the source must align it to: a power of two that holds an object.
     * 0: 32 KiB, less for tiny objects and for those with a constructor, more above 1 KiB. At most
     * 4096 objects are put into one. */
    size_t slab_size;

    /* Empty slabs that stay when an object goes back; then the oldest goes. 0: no bound. */
    size_t max_empty;

    /* Called with context; NULL: nothing to do. construct returns false if it could not: those of
     * the slab that are done are destructed again, and alloc returns NULL. */
    bool (*construct)(void *context, void *object);
    void (*destruct)(void *context, void *object);
    void *context;
} cairn_slab_opts;

typedef struct cairn_slab_stats {
    size_t object_size;               /* bytes from one object to the next */
    size_t slab_size, slab_objects;   /* bytes that the source gives for a slab; objects in it */
    size_t colours;                   /* places in a slab at which objects may begin */
    size_t slabs_full, slabs_partial; /* all in use; some */
    size_t slabs_empty;               /* none */
    size_t objects, live;             /* in all slabs; of these, in use */
    size_t bytes, waste;              /* from the source, for all; of these, in no object */
    size_t slabs_taken, slabs_given;  /* ever: from the source and back to it */
    size_t refusals;                  /* calls of dealloc that were refused */
} cairn_slab_stats;

/* ---- inside: for the inline functions ---- */

/* The open group: up to 64 objects in a row, in the same slab. */
struct cairn__slab_group {
    uint64_t bits;       /* objects that alloc may take */
    uint64_t barred;     /* that dealloc may not put: free in the slab, or beyond its end */
    uintptr_t begin;     /* of the first object */
    size_t stride;       /* from one object to the next */
    uint64_t reciprocal; /* 2^58 / stride, rounded up */
};

static inline bool cairn__slab_group_take(struct cairn__slab_group *group, void **object)
{
    uint64_t bits = group->bits;
    if (bits == 0)
        return false;
    group->bits = bits & (bits - 1);
    *object = (void *)(group->begin + (size_t)__builtin_ctzll(bits) * group->stride);
    return true;
}

/*
 * False if object is not one of the group, or is free already. Of the product only 6 bits are kept:
 * the index, if the offset is one of the 64 that count; for all others the comparison fails.
 */
static inline bool cairn__slab_group_put(struct cairn__slab_group *group, void *object)
{
    size_t offset = (uintptr_t)object - group->begin;
    uint64_t index = (offset * group->reciprocal) >> 58;
    uint64_t bit = (uint64_t)1 << index;
    if (index * group->stride != offset || ((group->bits | group->barred) & bit) != 0)
        return false;
    group->bits |= bit;
    return true;
}

void *cairn_slab_alloc_slow(cairn_slab *slab);
bool cairn_slab_dealloc_slow(cairn_slab *slab, void *object);

/* ---- the cache ---- */

/*
 * A cache without slabs, for objects of this layout; size 0 counts as 1. NULL: out of memory, the
 * layout is not valid, or slab_size is not a power of two or holds no object. O(1).
 */
cairn_slab *cairn_slab_create(cairn_layout object, const cairn_slab_opts *opts);

/* Everything goes back to the source, objects in use too, after the destructor of each object.
 * NULL does nothing. O(slabs), and a call for each object if there is a destructor. */
void cairn_slab_destroy(cairn_slab *slab);

/* ---- objects ---- */

/*
 * An object as its constructor or its last user left it; without a constructor its contents are
 * unspecified. NULL: out of memory, or a constructor said so. O(1), but for a slab from the source.
 */
static inline void *cairn_slab_alloc(cairn_slab *slab)
{
    void *object;
    if (cairn__slab_group_take((struct cairn__slab_group *)(void *)slab, &object))
        return object;
    return cairn_slab_alloc_slow(slab);
}

/*
 * Takes an object back, in the state that the next user expects. False, and nothing is done but to
 * count it: object is not one of this cache, is free already, points into one, or is NULL. O(1), but
 * for a slab that goes to the source.
 */
static inline bool cairn_slab_dealloc(cairn_slab *slab, void *object)
{
    return cairn__slab_group_put((struct cairn__slab_group *)(void *)slab, object) ||
           cairn_slab_dealloc_slow(slab, object);
}

/* Takes all objects back, each in the state that its next user expects. O(slabs). */
void cairn_slab_reset(cairn_slab *slab);

/* Takes slabs until at least `objects` are free. False: out of memory, or a constructor said so; what
 * came stays. O(slabs). */
bool cairn_slab_prefill(cairn_slab *slab, size_t objects);

/* ---- slabs that are empty ---- */

/*
 * Gives back those that no alloc since the last reap would have needed: the least number that lay
 * empty at any time in between (the working set of J. Bonwick and J. Adams, "Magazines and Vmem",
 * USENIX 2001). For a timer. Returns how many. O(slabs given back).
 */
size_t cairn_slab_reap(cairn_slab *slab);

/* Gives back all of them. Returns how many. O(slabs given back). */
size_t cairn_slab_shrink(cairn_slab *slab);

/* ---- questions ---- */

/* True if ptr lies in an object that is in use. Any ptr may be asked about. O(1). */
bool cairn_slab_owns(const cairn_slab *slab, const void *ptr);

void cairn_slab_stats_get(const cairn_slab *slab, cairn_slab_stats *stats); /* O(slabs) */

/* NULL, or what is wrong with the cache's own notes. O(slabs). */
const char *cairn_slab_audit(const cairn_slab *slab);

/* Each object in use, and each row of free ones as a gap; false if the visitor ended it. */
bool cairn_slab_visit(const cairn_slab *slab, cairn_visitor *visitor, void *context);

/*
 * As an allocator of blocks that fit: a larger size or alignment than the objects' gets NULL. All
 * ops. With a constructor, zeroed blocks cannot be had: NULL. What dealloc refuses is only counted.
 */
cairn_allocator cairn_slab_allocator(cairn_slab *slab);

#ifdef __cplusplus
}
#endif

#endif
