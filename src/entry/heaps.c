/* SPDX-License-Identifier: MIT */
/* The public functions of cairn/heap.h: the core's separate heaps, with errno. */
#include <errno.h>
#include <string.h>

#include "cairn.h"
#include "core/purge.h"
#include "core/separate.h"
#include "core/thread.h"

/* The public name of the core's struct. */
static inline struct heap *inside(cairn_heap *heap)
{
    return (struct heap *)heap;
}

static inline cairn_heap *outside(struct heap *heap)
{
    return (cairn_heap *)heap;
}

static void *allocated(cairn_heap *heap, size_t size, size_t align, bool *zeroed)
{
    void *block = cairn__separate_alloc(inside(heap), size, align, zeroed);
    purge_attend();
    if (UNLIKELY(block == NULL))
        errno = ENOMEM;
    return block;
}

CAIRN_EXPORT cairn_heap *cairn_heap_create(const char *name)
{
    cairn__process_start();
    struct heap *heap = cairn__separate_create(name);
    if (heap == NULL)
        errno = ENOMEM;
    return outside(heap);
}

CAIRN_EXPORT void cairn_heap_destroy(cairn_heap *heap)
{
    if (heap == NULL)
        return;
    cairn__separate_destroy(inside(heap));
    purge_attend();
}

CAIRN_EXPORT void *cairn_heap_malloc(cairn_heap *heap, size_t size)
{
    return allocated(heap, size, 1, NULL);
}

CAIRN_EXPORT void *cairn_heap_calloc(cairn_heap *heap, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    bool zeroed = false;
    void *block = allocated(heap, bytes, 1, &zeroed);
    if (block != NULL)
        memset(block, 0, zeroed ? sizeof(void *) : bytes);
    return block;
}

CAIRN_EXPORT void *cairn_heap_aligned_alloc(cairn_heap *heap, size_t align, size_t size)
{
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return allocated(heap, size, align, NULL);
}

CAIRN_EXPORT void *cairn_heap_realloc(cairn_heap *heap, void *ptr, size_t size)
{
    return ptr == NULL ? cairn_heap_malloc(heap, size) : cairn_realloc(ptr, size);
}

CAIRN_EXPORT cairn_heap *cairn_heap_of(const void *ptr)
{
    return ptr == NULL ? NULL : outside(cairn__separate_heap_of(ptr));
}

CAIRN_EXPORT bool cairn_heap_walk(cairn_heap *heap,
                                  bool (*visit)(void *context, void *block, size_t size),
                                  void *context)
{
    return cairn__separate_walk(inside(heap), visit, context);
}

CAIRN_EXPORT void cairn_heap_stats_get(cairn_heap *heap, struct cairn_heap_stats *stats)
{
    struct separate_figures figures = cairn__separate_figures(inside(heap));
    struct cairn_heap_stats full = {
        .size = stats->size,
        .committed = figures.committed,
        .live = figures.live,
        .blocks = figures.blocks,
    };
    memcpy(stats, &full, size_min(stats->size, sizeof full));
}
