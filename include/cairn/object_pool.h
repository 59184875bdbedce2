/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. Objects that are costly to make are made once and used many times: acquire
 * takes one that is idle, the one released last, or makes one; release resets it and keeps it. Made
 * objects stay as they are while they are idle (Bonwick, The Slab Allocator, 1994, section 2; the
 * pattern is Object Pool, Kircher and Jain, 2002).
 *
 * Objects lie in chunks from a source, each as large as all before it; what the pool knows of them, 4
 * bytes each, lies apart. So a pointer that is no object of the pool, and an object that is not in
 * use, are told for certain, without touching it: release is then false, and nothing has changed.
 * acquire is O(1), release O(log objects) for finding the chunk; both beside the callbacks.
 *
 * An object is idle or in use, or else its place is vacant. It is destructed when it is no longer
 * kept: above max_idle, refused by reset, trimmed, or at the end of the pool. Its place is then used
 * again; chunks without objects go back to the source in trim.
 *
 * Callbacks may acquire and release other objects of the same pool, but not trim or destroy it.
 * Under AddressSanitizer and memcheck, a use after release is reported. Not a cairn_allocator.
 */
#ifndef CAIRN_OBJECT_POOL_H
#define CAIRN_OBJECT_POOL_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_object_pool cairn_object_pool;

typedef struct cairn_object_pool_opts {
    cairn_allocator source; /* {NULL, NULL}: cairn_system() */

    /* Makes an object in memory whose contents are unspecified. False: it could not, and has left
     * nothing behind. NULL: nothing to be done. */
    bool (*construct)(void *context, void *object);

    /* Undoes construct. NULL: nothing to be done. */
    void (*destruct)(void *context, void *object);

    /* At release: makes it fit for the next user. False: it cannot be, and is destructed. NULL: an
     * object is as the last user left it. */
    bool (*reset)(void *context, void *object);

    void *context; /* handed to each of them */

    size_t max_objects; /* idle and in use together; 0: no bound but 2^30 */
    size_t max_idle;    /* a release above it destructs; 0: no bound */
} cairn_object_pool_opts;

/*
 * A pool of objects of the layout, to be ended by destroy; opts NULL: the defaults. NULL: out of
 * memory, or the layout is not valid or larger than an eighth of the address space.
 */
cairn_object_pool *cairn_object_pool_create(cairn_layout object,
                                            const cairn_object_pool_opts *opts);

/*
 * Destructs all objects, those in use too, and gives all memory back. Returns how many were in use.
 * While it runs, acquire gives NULL. NULL does nothing. O(objects).
 */
size_t cairn_object_pool_destroy(cairn_object_pool *pool);

/* An object, constructed, for the caller alone until release. NULL: max_objects are in use, out of
 * memory (the source is asked again for half as much, down to one object), or construct failed. */
void *cairn_object_pool_acquire(cairn_object_pool *pool);

/* Gives an object back. False, and nothing has changed: it is not one of this pool, or not in use;
 * any pointer may be given. NULL does nothing, and is true. */
bool cairn_object_pool_release(cairn_object_pool *pool, void *object);

/* Makes objects until `count` are idle. False: max_objects or max_idle is in the way, out of memory,
 * or construct failed; what was made stays. */
bool cairn_object_pool_prefill(cairn_object_pool *pool, size_t count);

/* Destructs the idle objects but the `keep` that were released last, then gives the chunks in which
 * no object is left to the source. Returns bytes given. O(idle objects). */
size_t cairn_object_pool_trim(cairn_object_pool *pool, size_t keep);

/* Whether it is an object of this pool that is in use. Any pointer may be given. O(log objects). */
bool cairn_object_pool_is_in_use(const cairn_object_pool *pool, const void *object);

/* How many objects are in use, and how many wait to be acquired. O(1). */
size_t cairn_object_pool_in_use(const cairn_object_pool *pool);
size_t cairn_object_pool_idle(const cairn_object_pool *pool);

/* Calls visitor for each place that ever had an object; in_use as it is. By address within a chunk;
 * the rest of a chunk is one gap. False: it stopped the walk. */
bool cairn_object_pool_visit(const cairn_object_pool *pool, cairn_visitor *visitor, void *context);

/* NULL, or what is wrong: with the counts, or the lists of idle objects and vacant places. Does not
 * look into objects. O(objects). */
const char *cairn_object_pool_audit(const cairn_object_pool *pool);

/*
 * CAIRN_OBJECT_POOL_OF(T, name) defines, for objects of type T: struct name, a pool;
 * bool name_create(name *, opts), size_t name_destroy(name *), T *name_acquire(name *) and
 * bool name_release(name *, T *). name.pool is for all else.
 */
#define CAIRN_OBJECT_POOL_OF(T, name)                                                              \
    typedef struct name {                                                                          \
        cairn_object_pool *pool;                                                                   \
    } name;                                                                                        \
    static inline bool name##_create(name *objects_, const cairn_object_pool_opts *opts_)          \
    {                                                                                              \
        objects_->pool = cairn_object_pool_create(cairn_layout_of(T), opts_);                      \
        return objects_->pool != NULL;                                                             \
    }                                                                                              \
    static inline size_t name##_destroy(name *objects_)                                            \
    {                                                                                              \
        cairn_object_pool *pool_ = objects_->pool;                                                 \
        objects_->pool = NULL;                                                                     \
        return cairn_object_pool_destroy(pool_);                                                   \
    }                                                                                              \
    static inline T *name##_acquire(name *objects_)                                                \
    {                                                                                              \
        return (T *)cairn_object_pool_acquire(objects_->pool);                                     \
    }                                                                                              \
    static inline bool name##_release(name *objects_, T *object_)                                  \
    {                                                                                              \
        return cairn_object_pool_release(objects_->pool, object_);                                 \
    }

#ifdef __cplusplus
}
#endif

#endif
