/* SPDX-License-Identifier: MIT */
/* The public functions of cairn.h: the core, with errno. */
#include "cairn.h"

#include <errno.h>
#include <string.h>

#include "core/figures.h"
#include "core/malloc.h"

static inline void *or_no_memory(void *ptr)
{
    if (UNLIKELY(ptr == NULL))
        errno = ENOMEM;
    return ptr;
}

static NOINLINE void *slow(size_t size)
{
    return or_no_memory(cairn__malloc_slow(size));
}

CAIRN_EXPORT void *cairn_malloc(size_t size)
{
    void *ptr = cairn__malloc_fast(size);
    return LIKELY(ptr != NULL) ? ptr : slow(size);
}

CAIRN_EXPORT void cairn_free(void *ptr)
{
    cairn__free(ptr);
}

CAIRN_EXPORT void *cairn_calloc(size_t count, size_t size)
{
    return or_no_memory(cairn__calloc(count, size));
}

CAIRN_EXPORT void *cairn_realloc(void *ptr, size_t size)
{
    if (ptr == NULL)
        return cairn_malloc(size);
    if (size == 0) {
        cairn__free(ptr);
        return NULL;
    }
    return or_no_memory(cairn__realloc(ptr, size));
}

CAIRN_EXPORT void *cairn_aligned_alloc(size_t align, size_t size)
{
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return or_no_memory(cairn__aligned(align, size));
}

CAIRN_EXPORT size_t cairn_usable_size(const void *ptr)
{
    return cairn__usable_size(ptr);
}

CAIRN_EXPORT bool cairn_trim(void)
{
    return cairn__trim();
}

CAIRN_EXPORT const char *cairn_version(void)
{
    return CAIRN_VERSION_TEXT;
}

CAIRN_EXPORT void cairn_stats_get(struct cairn_stats *stats)
{
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    struct cairn_stats full = {
        .size = stats->size,
        .reserved = figures.reserved,
        .mapped = figures.mapped,
        .committed = figures.committed,
        .peak_committed = figures.peak_committed,
        .live = figures.live,
        .huge = figures.huge,
        .huge_count = figures.huge_count,
        .metadata = figures.metadata,
        .pages = figures.pages,
        .heaps = figures.heaps,
        .foreign_frees = cairn__foreign_frees(),
    };
    memcpy(stats, &full, size_min(stats->size, sizeof full));
}
