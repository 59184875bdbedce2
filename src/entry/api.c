/* SPDX-License-Identifier: MIT */
/* The public functions of cairn.h: the core, with errno. (cairn_stats_print is in watch/stats.c.) */
#include "cairn.h"

#include <errno.h>
#include <string.h>

#include "core/figures.h"
#include "core/huge.h"
#include "core/malloc.h"
#include "core/purge.h"
#include "core/sampled.h"
#include "core/thread.h"
#include "os/os.h"
#include "os/tags.h"

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

/* ---- blocks ---- */

static inline void *allocated(size_t size)
{
    void *ptr = cairn__malloc_fast(size);
    return LIKELY(ptr != NULL) ? ptr : slow(size);
}

CAIRN_EXPORT void *cairn_malloc(size_t size)
{
    return allocated(size);
}

CAIRN_EXPORT void cairn_free(void *ptr)
{
    cairn__free(ptr);
}

/* The size tells the core nothing that the pointer does not. */
CAIRN_EXPORT void cairn_free_sized(void *ptr, size_t size)
{
    (void)size;
    cairn__free(ptr);
}

CAIRN_EXPORT void *cairn_calloc(size_t count, size_t size)
{
    return or_no_memory(cairn__calloc(count, size));
}

static inline void *resized(void *ptr, size_t size)
{
    if (ptr == NULL)
        return allocated(size);
    if (size == 0) {
        cairn__free(ptr);
        return NULL;
    }
    return or_no_memory(cairn__realloc(ptr, size));
}

CAIRN_EXPORT void *cairn_realloc(void *ptr, size_t size)
{
    return resized(ptr, size);
}

CAIRN_EXPORT void *cairn_reallocarray(void *ptr, size_t count, size_t size)
{
    size_t total;
    if (UNLIKELY(__builtin_mul_overflow(count, size, &total)))
        return or_no_memory(NULL);
    return resized(ptr, total);
}

CAIRN_EXPORT void *cairn_aligned_alloc(size_t align, size_t size)
{
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return or_no_memory(cairn__aligned(align, size));
}

/* ---- many blocks at a time ---- */

CAIRN_EXPORT size_t cairn_alloc_batch(size_t size, void **blocks, size_t count)
{
    size_t done = 0;
    while (done < count) {
        void *block = allocated(size);
        if (UNLIKELY(block == NULL))
            break;
        blocks[done++] = block;
    }
    return done;
}

CAIRN_EXPORT void cairn_free_batch(void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cairn__free(blocks[i]);
}

/* ---- questions ---- */

CAIRN_EXPORT size_t cairn_usable_size(const void *ptr)
{
    return cairn__usable_size(ptr);
}

CAIRN_EXPORT size_t cairn_good_size(size_t size)
{
    if (CAIRN_HARDENED)
        return size; /* a byte more is beyond the block */
    if (size <= MEDIUM_MAX)
        return cairn__classes[class_of(size)].size;
    if (size <= LARGE_MAX)
        return round_up(size, UNIT_SIZE);
    return size > SIZE_LIMIT - CHUNK_SIZE ? size : round_up(size, cairn__os_page_size());
}

/* A page that is just being taken or given may be seen half written: either answer is right then. */
__attribute__((no_sanitize("thread"))) static bool begins_block(const struct page *page,
                                                                const char *ptr)
{
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    if (page_owner(page) == NULL || page_owner(page) == OWNER_KEPT)
        return false;
    size_t offset = (size_t)(ptr - page->start);
    size_t size = page->size;
    return size == 0 ? offset == 0 : offset % size == 0 && offset / size < page->capacity;
}

/* Any pointer may be asked about: a region's descriptors are there only as far as it is opened. */
static bool region_owns(const struct region *region, const void *ptr)
{
    size_t offset = (uintptr_t)ptr - region->base;
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    return offset < opened * CHUNK_SIZE && begins_block(&region->pages[offset >> UNIT_SHIFT], ptr);
}

CAIRN_EXPORT bool cairn_owns(const void *ptr)
{
    ptr = tag_strip(ptr);
    const struct region *window = cairn__region_first();
    if ((uintptr_t)ptr - window->base < window->size)
        return region_owns(window, ptr);
    /* Other regions may go while we look. */
    cairn__regions_hold();
    const struct region *region = region_outside_window(ptr);
    bool owns = region != NULL && region_owns(region, ptr);
    cairn__regions_let_go();
    if (sampled_holds(ptr))
        return cairn__sampled_owns(ptr);
    return owns || cairn__huge_size(ptr) != 0;
}

CAIRN_EXPORT bool cairn_purge(void)
{
    return cairn__trim();
}

/* Units that are being made ready, linked through their own memory. */
struct ready {
    struct span span;
    size_t units;
    struct ready *next;
};

/* But for the first OS page, where the link is. */
static void touch(char *start, size_t size)
{
    size_t os_page = cairn__os_page_size();
    for (size_t at = os_page; at < size; at += os_page)
        ((volatile char *)start)[at] = 0;
}

static void give_ready(struct ready *list)
{
    while (list != NULL) {
        struct ready ready = *list;
        list = ready.next;
        cairn__units_give(ready.span, ready.units);
    }
}

/* Takes units in a list; NULL if there are not so many, and then none is taken. */
static struct ready *take_ready(size_t left)
{
    struct ready *list = NULL;
    while (left > 0) {
        size_t units = size_min(left, CHUNK_UNITS);
        struct span span = cairn__units_find_touched(units, &units);
        if (span.region == NULL)
            span = cairn__units_take(units, false);
        if (span.region == NULL) {
            give_ready(list);
            return NULL;
        }
        struct ready *ready = (struct ready *)span_start(span);
        *ready = (struct ready){span, units, list};
        list = ready;
        left -= units;
    }
    return list;
}

/* More is not even tried. */
static size_t reserve_limit(void)
{
    return size_min(cairn__os_address_limit(), WINDOW_SIZE);
}

/*
 * Takes units from the pool, touches them, and gives them back. Those that are touched already come
 * first, so they count.
 */
CAIRN_EXPORT bool cairn_reserve(size_t size)
{
    cairn__process_start();
    if (size == 0) {
        cairn__purge_reserve(0);
        purge_attend();
        return true;
    }
    if (CAIRN_HARDENED) { /* free memory is out of reach, and so out of memory */
        errno = ENOTSUP;
        return false;
    }
    struct ready *list = NULL;
    if (size <= reserve_limit())
        list = take_ready(round_up(size, UNIT_SIZE) >> UNIT_SHIFT);
    if (list == NULL) {
        purge_attend(); /* what was taken counts as touched now */
        errno = ENOMEM;
        return false;
    }
    for (struct ready *ready = list; ready != NULL; ready = ready->next)
        touch(span_start(ready->span), ready->units << UNIT_SHIFT);
    cairn__purge_reserve(round_up(size, UNIT_SIZE) >> UNIT_SHIFT);
    give_ready(list);
    purge_attend();
    return true;
}

/* ---- the library ---- */

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
        .large = figures.large,
        .large_count = figures.large_count,
        .page_free = figures.returned,
        .page_unused = figures.unused,
        .kept = figures.kept,
        .tables = figures.tables,
        .asked = figures.asked,
        .handed = figures.counts.handed,
        .trips = figures.counts.trips,
        .handed_large = figures.counts.large,
        .recent_large = figures.counts.recent,
    };
    memcpy(stats, &full, size_min(stats->size, sizeof full));
}
