/* SPDX-License-Identifier: MIT */
/*
 * One interface for every allocator: two words, passed by value. What one kind alone can do is a
 * function of that kind; the ops below never widen. As thread-safe as the allocator that is called.
 *
 * The contract, for callers and for those who write an allocator:
 *   - A block is valid from the alloc that returned it until it is given to dealloc or realloc, or
 *     its allocator is reset or ended. Until then its bytes are the caller's alone: aligned, at
 *     least layout.size of them, apart from every other block, never written by the allocator.
 *   - A size of 0 gives a block too: not NULL, apart from others, of no bytes to use.
 *   - The layout given to dealloc and realloc is the one that the block was allocated with; after
 *     realloc, {new_size, align}.
 *   - Out of memory is NULL. Nothing else has changed then; a realloc that fails leaves the block.
 *   - What does not keep to this is a crime of the caller, which an allocator need not notice;
 *     cairn/checked.h does, and cairn/guarded.h much of it.
 *
 * The functions below may be given anything: a layout that is not valid, sizes that overflow. Only
 * they call the ops, which may rely on it: layout valid, ptr not NULL, new_size with the block's
 * alignment a valid layout.
 */
#ifndef CAIRN_ALLOCATOR_H
#define CAIRN_ALLOCATOR_H

#include "cairn/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_allocator_ops cairn_allocator_ops;

typedef struct cairn_allocator {
    const cairn_allocator_ops *ops;
    void *self; /* handed to each of the ops */
} cairn_allocator;

struct cairn_allocator_ops {
    const char *name; /* of the kind: "arena" */

    /* A block, its contents unspecified; NULL when out of memory. Required. */
    void *(*alloc)(void *self, cairn_layout layout);

    /* Ends a block. Cannot fail. Required. */
    void (*dealloc)(void *self, void *ptr, cairn_layout layout);

    /* A block whose first layout.size bytes are 0. NULL here: alloc, then clear. */
    void *(*alloc_zeroed)(void *self, cairn_layout layout);

    /*
     * The block with new_size bytes, moved or not, its contents kept up to the smaller size.
     * NULL here: alloc, copy, dealloc.
     */
    void *(*realloc)(void *self, void *ptr, cairn_layout layout, size_t new_size);

    /* True if ptr lies in memory that it has handed out; any ptr may be asked about. NULL here:
     * cannot tell. */
    bool (*owns)(void *self, const void *ptr);

    /* Bytes that the caller may use, layout.size or more. NULL here: layout.size. */
    size_t (*usable_size)(void *self, const void *ptr, cairn_layout layout);
};

/*
 * What the _visit function of a kind calls for each block and each gap that it knows of; false ends
 * the walk. in_use: handed out, or free. Must not use the allocator that is walked.
 */
typedef bool cairn_visitor(void *context, void *ptr, size_t size, bool in_use);

/* ---- blocks ---- */

/* A block, or NULL: out of memory, or a layout that is not valid. */
static inline void *cairn_allocator_alloc(cairn_allocator allocator, cairn_layout layout)
{
    return cairn_layout_is_valid(layout) ? allocator.ops->alloc(allocator.self, layout) : NULL;
}

/* The same, its first layout.size bytes 0. */
void *cairn_allocator_alloc_zeroed(cairn_allocator allocator, cairn_layout layout);

/*
 * Resizes a block of `layout`; its alignment stays. NULL, with the block as it was: out of memory,
 * or {new_size, layout.align} is not valid. ptr NULL: cairn_allocator_alloc of that. new_size 0
 * gives a block of 0 bytes, to be deallocated like any other.
 */
void *cairn_allocator_realloc(cairn_allocator allocator, void *ptr, cairn_layout layout,
                              size_t new_size);

/* Ends a block of `layout`. NULL does nothing. */
static inline void cairn_allocator_dealloc(cairn_allocator allocator, void *ptr,
                                           cairn_layout layout)
{
    if (ptr != NULL)
        allocator.ops->dealloc(allocator.self, ptr, layout);
}

/* n elements in a row; to be ended with cairn_layout_repeat(element, n, NULL), which is what
 * cairn_layout_array(T, n) gives. NULL as above, or when the size overflows. */
void *cairn_allocator_alloc_array(cairn_allocator allocator, cairn_layout element, size_t n);

/* Resizes such an array. On NULL it is as it was. */
void *cairn_allocator_realloc_array(cairn_allocator allocator, void *ptr, cairn_layout element,
                                    size_t n, size_t new_n);

/* A copy of a string, with its end; to be ended with {strlen(string) + 1, 1}. O(length). */
char *cairn_allocator_duplicate_string(cairn_allocator allocator, const char *string);

/* ---- questions ---- */

/* Whether cairn_allocator_owns means anything. */
static inline bool cairn_allocator_can_tell(cairn_allocator allocator)
{
    return allocator.ops->owns != NULL;
}

/* True if ptr lies in a block of this allocator. False also when it cannot tell, or for NULL. */
static inline bool cairn_allocator_owns(cairn_allocator allocator, const void *ptr)
{
    return ptr != NULL && allocator.ops->owns != NULL && allocator.ops->owns(allocator.self, ptr);
}

/* Bytes of a block that are the caller's: layout.size or more. 0 for NULL. */
static inline size_t cairn_allocator_usable_size(cairn_allocator allocator, const void *ptr,
                                                 cairn_layout layout)
{
    if (ptr == NULL)
        return 0;
    if (allocator.ops->usable_size == NULL)
        return layout.size;
    return allocator.ops->usable_size(allocator.self, ptr, layout);
}

#ifdef __cplusplus
}
#endif

#endif
