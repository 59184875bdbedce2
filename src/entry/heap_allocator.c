/* SPDX-License-Identifier: MIT */
/*
 * The bridge from the kit to the core: the process's heaps, or one of the program's own, as a
 * cairn_allocator. It stands here because the kit does not know the core.
 */
#include "cairn.h"

#include <string.h>

#include "core/malloc.h"
#include "core/purge.h"
#include "core/separate.h"

/* Of every block of the core. */
#define NATURAL_ALIGN 16

/* ---- the heaps of the threads ---- */

static void *heap_alloc(void *self, cairn_layout layout)
{
    (void)self;
    if (UNLIKELY(layout.align > NATURAL_ALIGN))
        return cairn__aligned(layout.align, layout.size);
    void *ptr = cairn__malloc_fast(layout.size);
    return LIKELY(ptr != NULL) ? ptr : cairn__malloc_slow(layout.size);
}

static void *heap_alloc_zeroed(void *self, cairn_layout layout)
{
    if (LIKELY(layout.align <= NATURAL_ALIGN))
        return cairn__calloc(1, layout.size);
    void *ptr = heap_alloc(self, layout);
    if (ptr != NULL)
        memset(ptr, 0, layout.size);
    return ptr;
}

static void heap_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)layout;
    cairn__free(ptr);
}

static size_t heap_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)self, (void)layout;
    return cairn__usable_size(ptr);
}

/* A block of a large alignment stays where it is, as long as not more than half of it is wasted;
 * the core's own realloc would forget the alignment when it moves the block. */
static bool fits(const void *ptr, size_t new_size)
{
    size_t usable = cairn__usable_size(ptr);
    return new_size <= usable && new_size >= usable / 2;
}

static void *moved(cairn_allocator self, void *ptr, cairn_layout layout, size_t new_size)
{
    void *target = self.ops->alloc(self.self, (cairn_layout){new_size, layout.align});
    if (target == NULL)
        return NULL;
    memcpy(target, ptr, layout.size < new_size ? layout.size : new_size);
    cairn__free(ptr);
    return target;
}

static void *heap_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    if (LIKELY(layout.align <= NATURAL_ALIGN))
        return cairn__realloc(ptr, new_size != 0 ? new_size : 1);
    if (fits(ptr, new_size))
        return ptr;
    return moved(cairn_heap_allocator(self), ptr, layout, new_size);
}

static bool heap_owns(void *self, const void *ptr)
{
    (void)self;
    return cairn_owns(ptr);
}

/* ---- one of the program's own ---- */

static void *separate_get(struct heap *heap, cairn_layout layout, bool *zeroed)
{
    void *ptr = cairn__separate_alloc(heap, layout.size, layout.align, zeroed);
    purge_attend();
    return ptr;
}

static void *separate_alloc(void *self, cairn_layout layout)
{
    return separate_get(self, layout, NULL);
}

static void *separate_alloc_zeroed(void *self, cairn_layout layout)
{
    bool zeroed = false;
    void *ptr = separate_get(self, layout, &zeroed);
    /* Its first word is never zero by itself: free blocks are linked through it. */
    if (ptr != NULL)
        memset(ptr, 0, zeroed ? sizeof(void *) : layout.size);
    return ptr;
}

static bool separate_owns(void *self, const void *ptr)
{
    return cairn_heap_of(ptr) == self;
}

CAIRN_EXPORT cairn_allocator cairn_heap_allocator(cairn_heap *heap)
{
    static const cairn_allocator_ops threads = {
        .name = "heap",
        .alloc = heap_alloc,
        .dealloc = heap_dealloc,
        .alloc_zeroed = heap_alloc_zeroed,
        .realloc = heap_realloc,
        .owns = heap_owns,
        .usable_size = heap_usable_size,
    };
    static const cairn_allocator_ops separate = {
        .name = "heap",
        .alloc = separate_alloc,
        .dealloc = heap_dealloc,
        .alloc_zeroed = separate_alloc_zeroed,
        .realloc = heap_realloc,
        .owns = separate_owns,
        .usable_size = heap_usable_size,
    };
    return (cairn_allocator){heap != NULL ? &separate : &threads, heap};
}
