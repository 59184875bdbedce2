/* SPDX-License-Identifier: MIT */
/*
 * The malloc. Each function's straight line is here, inlined into the entry points; what is rare is
 * one call away. None touches errno. NULL: out of memory, or more than PTRDIFF_MAX bytes asked for.
 *
 * Any thread may free any block.
 */
#ifndef CAIRN_CORE_MALLOC_H
#define CAIRN_CORE_MALLOC_H

#include "core/checked.h"
#include "core/heap.h"
#include "core/slot.h"

/* Any size; 0 gives a block of its own. */
HIDDEN void *cairn__malloc_slow(size_t size);

/* What the straight line of free leaves: other owners' pages, and the page's countdown at zero. */
HIDDEN void cairn__free_slow(void *ptr, struct page *page);
HIDDEN void cairn__free_event(struct page *page);

#if CAIRN_HARDENED

/* Nothing is decided before it was looked at: malloc_slow is all there is. */
static inline void *cairn__malloc_fast(size_t size)
{
    (void)size;
    return NULL;
}

HIDDEN void cairn__free(void *ptr);

/* A block of the class, not yet issued, or a sampled one; NULL when out of memory. */
HIDDEN void *cairn__take_block(unsigned class, size_t size, size_t align);

#else

/* The straight line: 13 instructions on x86-64. NULL: let malloc_slow decide. */
static inline void *cairn__malloc_fast(size_t size)
{
    if (LIKELY(size <= SMALL_MAX)) {
        struct heap *heap = cairn__heap;
        unsigned class = class_of_small(size);
        void *block = heap->bin[class];
        if (LIKELY(block != NULL)) {
            /* The next call reads this block; asked for now, it is there by then (ws64: 5.1 to 4.4 ns,
             * docs/decisions/005). */
            void *next = block_next(block);
            __builtin_prefetch(next, 1);
            heap->bin[class] = next;
            block_taken(block);
            return block;
        }
    }
    return NULL;
}

/* A pointer outside the window: NULL, huge, of another region, or foreign. */
HIDDEN void cairn__free_outside(void *ptr);

/*
 * The straight line: 17 instructions on x86-64. A pointer that is no block of ours is ignored and
 * counted, as far as that can be seen; the checked build aborts.
 */
static inline void cairn__free(void *ptr)
{
    size_t offset = window_offset(ptr);
    if (UNLIKELY(offset >= window_size())) {
        cairn__free_outside(ptr);
        return;
    }
    struct page *page = &cairn__window.pages[offset >> UNIT_SHIFT];
    if (UNLIKELY(page_owner(page) != cairn__heap)) {
        cairn__free_slow(ptr, page);
        return;
    }
    check_own("free of", page, ptr);
    if (UNLIKELY(page_free_block(page, ptr)))
        cairn__free_event(page);
}

#endif

/* align: a power of two. */
void *cairn__aligned(size_t align, size_t size);

/*
 * The same by family, and for a free with the size that the caller knows, or SIZE_UNKNOWN: the hardened
 * build compares, the ordinary one does not look.
 */
#if CAIRN_HARDENED
HIDDEN void *cairn__hardened_malloc(enum family family, size_t size, size_t align);
HIDDEN void cairn__hardened_free(enum family family, void *ptr, size_t size);
/* usable_size below, but of what is no block of ours it aborts. */
HIDDEN size_t cairn__hardened_size(const void *ptr);
#endif

static inline void *cairn__malloc_by(enum family family, size_t size, size_t align)
{
#if CAIRN_HARDENED
    return cairn__hardened_malloc(family, size, align);
#else
    (void)family;
    return align <= 16 ? cairn__malloc_slow(size) : cairn__aligned(align, size);
#endif
}

static inline void cairn__free_by(enum family family, void *ptr, size_t size)
{
#if CAIRN_HARDENED
    cairn__hardened_free(family, ptr, size);
#else
    (void)family, (void)size;
    cairn__free(ptr);
#endif
}

/* Zeroed; NULL also if count * size overflows. */
void *cairn__calloc(size_t count, size_t size);

/* ptr: a block; size > 0. NULL: nothing has changed. */
void *cairn__realloc(void *ptr, size_t size);

/* Bytes that the caller may use; constant while the block lives. 0 for NULL and foreign pointers. */
size_t cairn__usable_size(const void *ptr);

#if CHECKED
/* The same, but of what is no block of ours it aborts. */
HIDDEN size_t cairn__checked_size(const void *ptr);
#endif

/* Returns all free memory to the system. True if there was any. */
bool cairn__trim(void);

/* Frees of pointers that are no blocks of ours, so far. */
size_t cairn__foreign_frees(void);

#endif
