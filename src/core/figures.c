/* SPDX-License-Identifier: MIT */
/* See figures.h. */
#include "core/figures.h"

#include "core/large.h"
#include "core/metadata.h"
#include "core/registry.h"

/* Reads other heaps' pages as they change: a torn count is a wrong statistic, nothing more. */
__attribute__((no_sanitize("thread"))) static size_t live_bytes(const struct page *page)
{
    if (page_state(page) == PAGE_LARGE)
        return (size_t)page->units << UNIT_SHIFT;
    size_t in_use = page->issued - page_free_count(page);
    return in_use <= page->capacity ? in_use * page->size : 0;
}

__attribute__((no_sanitize("thread"))) static void add_region(struct cairn__figures *figures,
                                                              const struct region *region)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_acquire);
    figures->reserved += region->size;
    figures->mapped += opened * CHUNK_SIZE;
    for (size_t unit = 0; unit < opened * CHUNK_UNITS; unit++) {
        const struct page *page = &region->pages[unit];
        if (page_owner(page) == NULL || page_owner(page) == OWNER_INTERIOR)
            continue;
        figures->pages++;
        figures->live += live_bytes(page);
    }
}

void cairn__figures_get(struct cairn__figures *figures)
{
    *figures = (struct cairn__figures){0};
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region))
        add_region(figures, region);
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        figures->heaps++;

    struct huge_figures huge = cairn__huge_figures();
    struct pool_figures pool = cairn__pool_figures();
    figures->huge = huge.bytes;
    figures->huge_count = huge.count;
    figures->mapped += huge.bytes;
    figures->live += huge.bytes;
    figures->committed = ((pool.used + pool.dirty) << UNIT_SHIFT) + huge.bytes;
    figures->peak_committed = (pool.used_peak << UNIT_SHIFT) + huge.bytes;
    figures->free = figures->committed > figures->live ? figures->committed - figures->live : 0;
    figures->metadata = cairn__metadata_mapped();
}
