/* SPDX-License-Identifier: MIT */
/* See window.h. */
#include "core/window.h"

#include "base/option.h"
#include "core/metadata.h"
#include "os/os.h"

struct window cairn__window ALIGNED(CACHE_LINES / 2);

static struct {
    struct region window;            /* the first region */
    _Atomic(struct region *) others; /* newest first */
} regions;

static size_t bitmap_bytes(size_t size)
{
    return round_up(size / CHUNK_SIZE, 64) / 8;
}

/* Reserves a region with its metadata. False: nothing has changed. */
static bool reserve(struct region *region, size_t size)
{
    size_t os_page = cairn__os_page_size();
    size_t page_bytes = round_up(size / UNIT_SIZE * PAGE_BYTES, os_page);
    size_t chunk_bytes = round_up(size / CHUNK_SIZE * CHUNK_BYTES, os_page);
    size_t map_bytes = round_up(bitmap_bytes(size), os_page);
    size_t metadata_bytes = page_bytes + chunk_bytes + map_bytes;

    char *user = cairn__os_reserve(size, CHUNK_SIZE);
    if (user == NULL)
        return false;
    char *metadata = cairn__os_reserve(metadata_bytes, os_page);
    if (metadata == NULL || !cairn__os_commit(metadata + page_bytes + chunk_bytes, map_bytes)) {
        if (metadata != NULL)
            cairn__os_release(metadata, metadata_bytes);
        cairn__os_release(user, size);
        return false;
    }
    region->base = (uintptr_t)user;
    region->size = size;
    region->pages = (struct page *)metadata;
    region->chunks = (struct chunk *)(metadata + page_bytes);
    region->free_chunks = (uint64_t *)(metadata + page_bytes + chunk_bytes);
    return true;
}

void cairn__window_start(void)
{
    size_t size = cairn__option(OPTION_WINDOW);
    size_t limit = cairn__os_address_limit();
    if (limit != SIZE_MAX)
        size = size_min(size, power_of_two_below(limit / WINDOW_LIMIT_SHARE | 1));
    for (size = round_down(size, CHUNK_SIZE); size >= WINDOW_MIN; size /= 4) {
        size = round_down(size, CHUNK_SIZE);
        if (reserve(&regions.window, size)) {
            cairn__window.base = regions.window.base;
            cairn__window.pages = regions.window.pages;
            cairn__window.size = size;
            return;
        }
    }
}

/* Accessibility of a table that grows with the region: bytes [from, to) of it. */
static bool commit_table(void *table, size_t from, size_t to)
{
    size_t os_page = cairn__os_page_size();
    from = round_down(from, os_page);
    to = round_up(to, os_page);
    return cairn__os_commit((char *)table + from, to - from);
}

static bool commit_to(struct region *region, size_t end)
{
    size_t from = region->committed;
    bool done = commit_table(region->pages, from / UNIT_SIZE * PAGE_BYTES,
                             end / UNIT_SIZE * PAGE_BYTES) &&
                commit_table(region->chunks, from / CHUNK_SIZE * CHUNK_BYTES,
                             end / CHUNK_SIZE * CHUNK_BYTES) &&
                cairn__os_commit((char *)region->base + from, end - from);
    if (done)
        region->committed = end;
    return done;
}

static bool open_chunks(struct region *region, size_t count, size_t *first)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    if (count > region->size / CHUNK_SIZE - opened)
        return false;
    size_t need = (opened + count) * CHUNK_SIZE;
    if (need > region->committed) {
        size_t step = size_max(CHUNK_SIZE, size_min(region->committed, COMMIT_STEP_MAX));
        size_t aim = size_min(region->size, size_max(need, region->committed + step));
        if (!commit_to(region, aim) && (aim == need || !commit_to(region, need)))
            return false;
    }
    *first = opened;
    atomic_store_explicit(&region->opened, opened + count, memory_order_relaxed);
    return true;
}

/* A further region, smaller and smaller until it fits, with room for `count` chunks at least. */
static struct region *add_region(size_t count)
{
    size_t least = count * CHUNK_SIZE;
    struct region *region = cairn__metadata_take(sizeof *region);
    if (region == NULL)
        return NULL;
    size_t size = size_max(least, REGION_SIZE);
    while (!reserve(region, size)) {
        if (size == least)
            return NULL; /* the record is lost: 128 bytes, at the end of memory */
        size = size_max(least, round_down(size / 4, CHUNK_SIZE));
    }
    for (size_t at = 0; at < size; at += CHUNK_SIZE)
        if (!cairn__map_set((char *)region->base + at, MAP_REGION, region))
            return NULL; /* no memory for the map: this address space stays unused */
    region->next = atomic_load_explicit(&regions.others, memory_order_relaxed);
    atomic_store_explicit(&regions.others, region, memory_order_release);
    return region;
}

struct region *cairn__window_extend(size_t count, size_t *first)
{
    if (open_chunks(&regions.window, count, first))
        return &regions.window;
    struct region *region = atomic_load_explicit(&regions.others, memory_order_relaxed);
    for (; region != NULL; region = region->next)
        if (open_chunks(region, count, first))
            return region;
    region = add_region(count);
    return region != NULL && open_chunks(region, count, first) ? region : NULL;
}

struct region *cairn__region_first(void)
{
    return &regions.window;
}

struct region *cairn__region_next(const struct region *region)
{
    if (region == &regions.window)
        return atomic_load_explicit(&regions.others, memory_order_acquire);
    return region->next;
}
