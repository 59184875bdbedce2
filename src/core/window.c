/* SPDX-License-Identifier: MIT */
/* See window.h. */
#include "core/window.h"

#include "base/option.h"
#include "core/guard.h"
#include "core/metadata.h"
#include "os/os.h"
#include "os/tags.h"

_Atomic size_t cairn__bytes_in_pages;
_Atomic size_t cairn__bytes_handed_out;

struct window cairn__window ALIGNED(CACHE_LINES / 2) = {.base = (uintptr_t)1 << 63};

static struct {
    struct region window;            /* the first region */
    _Atomic(struct region *) others; /* newest first */
    struct region *unused;           /* records without a region; under the grow lock */
    bool limited;                    /* there was an address limit when the window was made */
} regions;

static size_t bitmap_bytes(size_t size)
{
    return round_up(size / CHUNK_SIZE, 64) / 8;
}

/* Before a region, what nobody can access (hardened): else its first block would follow any mapping. */
static size_t front_bytes(void)
{
    return SLOTTED && !regions.limited ? CHUNK_SIZE : 0;
}

/* Reserves a region with its metadata. False: nothing has changed. */
static bool reserve(struct region *region, size_t size)
{
    size_t os_page = cairn__os_page_size();
    size_t page_bytes = round_up(size / UNIT_SIZE * PAGE_BYTES, os_page);
    size_t chunk_bytes = round_up(size / CHUNK_SIZE * CHUNK_BYTES, os_page);
    size_t map_bytes = round_up(bitmap_bytes(size), os_page);
    size_t metadata_bytes = page_bytes + chunk_bytes + map_bytes;

    size_t front = front_bytes();
    char *user = cairn__os_reserve(front + size, CHUNK_SIZE);
    if (user == NULL)
        return false;
    char *metadata = cairn__os_reserve(metadata_bytes, os_page);
    if (metadata == NULL || !cairn__os_commit(metadata + page_bytes + chunk_bytes, map_bytes)) {
        if (metadata != NULL)
            cairn__os_release(metadata, metadata_bytes);
        cairn__os_release(user, front + size);
        return false;
    }
    region->base = (uintptr_t)user + front;
    region->size = size;
    region->pages = (struct page *)metadata;
    region->chunks = (struct chunk *)(metadata + page_bytes);
    region->giving = (uint64_t *)(metadata + page_bytes + chunk_bytes);
    return true;
}

static void unreserve(struct region *region)
{
    size_t os_page = cairn__os_page_size();
    size_t metadata_bytes = round_up(region->size / UNIT_SIZE * PAGE_BYTES, os_page) +
                            round_up(region->size / CHUNK_SIZE * CHUNK_BYTES, os_page) +
                            round_up(bitmap_bytes(region->size), os_page);
    cairn__os_release(region->pages, metadata_bytes);
    cairn__os_release((char *)region->base - front_bytes(), front_bytes() + region->size);
}

/*
 * With room for another of the size, unless there is a limit anyway: whether one was set later is told
 * by that (respect_limit).
 */
static bool reserve_probed(struct region *region, size_t size)
{
    if (!reserve(region, size))
        return false;
    if (regions.limited || cairn__os_can_reserve(size))
        return true;
    unreserve(region);
    return false;
}

bool cairn__window_is_limited(void)
{
    return regions.limited;
}

void cairn__window_start(void)
{
    size_t size = cairn__option(OPTION_WINDOW);
    size_t limit = cairn__os_address_limit();
    regions.limited = limit != SIZE_MAX;
    if (regions.limited)
        size = size_min(size, power_of_two_below(limit / WINDOW_LIMIT_SHARE | 1));
    for (size = round_down(size, CHUNK_SIZE); size >= WINDOW_MIN; size /= 4) {
        size = round_down(size, CHUNK_SIZE);
        if (reserve_probed(&regions.window, size)) {
            cairn__window.pages = regions.window.pages;
            __atomic_store_n(&cairn__window.base, regions.window.base, __ATOMIC_RELEASE);
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

static bool is_dense(void)
{
    size_t held = atomic_load_explicit(&cairn__bytes_in_pages, memory_order_relaxed);
    size_t handed = atomic_load_explicit(&cairn__bytes_handed_out, memory_order_relaxed);
    return held >= HUGE_FROM / 2 && handed / HUGE_DENSITY_PERCENT >= held / 100;
}

/*
 * Said either way, for systems whose own choice is huge pages for everybody; and of all that is still
 * reserved, so that each later step is one mapping with this one.
 */
static void advise(struct region *region, size_t from)
{
    bool huge = from >= HUGE_FROM && is_dense();
    if (cairn__option(OPTION_HUGE_PAGES) != HUGE_PAGES_AUTO)
        huge = cairn__option(OPTION_HUGE_PAGES) == HUGE_PAGES_ALWAYS;
    if (from == 0 || huge != region->huge_step)
        cairn__os_advise_huge((char *)region->base + from, region->size - from, huge);
    region->huge_before = region->huge_step;
    region->huge_step = huge;
    region->step_from = from;
}

static bool commit_part(char *start, size_t size)
{
    return tags_on() ? cairn__tags_commit(start, size) : cairn__os_commit(start, size);
}

/* What precedes may be closed, so that a mapping would have to be cut in two. */
static bool commit_blocks(const struct region *region, size_t from, size_t end)
{
    char *base = (char *)region->base;
    return commit_part(base + from, end - from) || (SLOTTED && cairn__guard_give_up(base, end));
}

static bool commit_to(struct region *region, size_t end)
{
    size_t from = region->committed;
    bool done = commit_table(region->pages, from / UNIT_SIZE * PAGE_BYTES,
                             end / UNIT_SIZE * PAGE_BYTES) &&
                commit_table(region->chunks, from / CHUNK_SIZE * CHUNK_BYTES,
                             end / CHUNK_SIZE * CHUNK_BYTES) &&
                commit_blocks(region, from, end);
    if (!done)
        return false;
    advise(region, from);
    region->committed = end;
    if (region == &regions.window)
        __atomic_store_n(&cairn__window.size, end, __ATOMIC_RELEASE);
    return true;
}

static bool has_room(const struct region *region, size_t count)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    return count <= region->size / CHUNK_SIZE - opened;
}

/* The region has room. False: the system has no memory. */
static bool open_chunks(struct region *region, size_t count, size_t *first)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    size_t need = (opened + count) * CHUNK_SIZE;
    if (need > region->committed) {
        size_t step = size_max(CHUNK_SIZE, size_min(region->committed, COMMIT_STEP_MAX));
        size_t aim = size_min(region->size, size_max(need, region->committed + step));
        if (!commit_to(region, aim) && (aim == need || !commit_to(region, need)))
            return false;
    }
    if (SLOTTED) /* what is free cannot be accessed: each page is opened when it is taken */
        cairn__guard_fresh((char *)region->base + opened * CHUNK_SIZE, count * CHUNK_SIZE);
    *first = opened;
    atomic_store_explicit(&region->opened, opened + count, memory_order_relaxed);
    return true;
}

/* ---- regions beyond the window ---- */

static void leave_map(struct region *region, size_t entered)
{
    for (size_t at = 0; at < entered; at += CHUNK_SIZE)
        cairn__map_set((char *)region->base + at, MAP_NOTHING, NULL);
}

/* Enters the region into the map, or nothing of it. */
static bool enter_map(struct region *region)
{
    for (size_t at = 0; at < region->size; at += CHUNK_SIZE)
        if (!cairn__map_set((char *)region->base + at, MAP_REGION, region)) {
            leave_map(region, at);
            return false;
        }
    return true;
}

/* With its entries in the map, or not at all. */
static bool reserve_entered(struct region *region, size_t size)
{
    if (!reserve(region, size))
        return false;
    if (enter_map(region))
        return true;
    unreserve(region);
    return false;
}

/* Smaller and smaller until it fits, with room for `count` chunks at least. */
static bool reserve_some(struct region *region, size_t count)
{
    size_t least = count * CHUNK_SIZE;
    /* A long row has a region of its own: of one of 64 MiB the rest would be of use to few. */
    size_t size = least > REGION_SIZE / 4 ? least : REGION_SIZE;
    while (!reserve_entered(region, size)) {
        if (size == least)
            return false;
        size = size_max(least, round_down(size / 4, CHUNK_SIZE));
    }
    return true;
}

static struct region *add_region(size_t count)
{
    struct region *region = regions.unused;
    if (region == NULL) {
        region = cairn__metadata_take(sizeof *region);
        if (region == NULL)
            return NULL;
        regions.unused = region;
    }
    if (!reserve_some(region, count))
        return NULL;
    regions.unused = region->next;
    region->next = atomic_load_explicit(&regions.others, memory_order_relaxed);
    atomic_store_explicit(&regions.others, region, memory_order_release);
    return region;
}

void cairn__window_unlink(struct region *region)
{
    struct region *first = atomic_load_explicit(&regions.others, memory_order_relaxed);
    if (first == region) {
        atomic_store_explicit(&regions.others, region->next, memory_order_release);
        return;
    }
    while (first->next != region)
        first = first->next;
    first->next = region->next;
}

void cairn__window_release(struct region *region)
{
    leave_map(region, region->size);
    unreserve(region);
    *region = (struct region){.next = regions.unused};
    regions.unused = region;
}

/* ---- limits ---- */

/* The end of a table that grows with the region: what lies behind the first `used` bytes. */
static void release_table(void *table, size_t used, size_t rest)
{
    size_t os_page = cairn__os_page_size();
    size_t from = round_up(used, os_page);
    size_t to = round_up(used + rest, os_page);
    if (from < to)
        cairn__os_release((char *)table + from, to - from);
}

/* Descriptors of the window's bytes [from, to), which are not committed. */
static void release_tables(size_t from, size_t to)
{
    release_table(regions.window.pages, from / UNIT_SIZE * PAGE_BYTES,
                  (to - from) / UNIT_SIZE * PAGE_BYTES);
    release_table(regions.window.chunks, from / CHUNK_SIZE * CHUNK_BYTES,
                  (to - from) / CHUNK_SIZE * CHUNK_BYTES);
}

static void release_part(size_t from, size_t to)
{
    cairn__os_release((char *)regions.window.base + from, to - from);
    release_tables(from, to);
}

/*
 * Has the process got an address limit since it started? What was reserved before counts as used
 * already, so that taking memory from it would evade the limit: the window grows no more, and regions
 * serve. Where the reservation leaves nothing to anybody, it goes. The limit itself is not asked for:
 * sandboxes know the calls for memory, but may kill for others.
 *
 * It can also be the table of mappings that is full. Then no mapping can be cut in two, and the window
 * is the only thing that can still grow.
 */
static void respect_limit(void)
{
    struct region *window = &regions.window;
    size_t from = window->committed;
    size_t to = window->size;
    size_t middle = round_down(from + (to - from) / 2, CHUNK_SIZE);
    size_t os_page = cairn__os_page_size();
    if (regions.limited || from == to || cairn__os_can_reserve(to) ||
        !cairn__os_release((char *)window->base + middle, os_page))
        return;
    window->size = from;
    if (cairn__os_can_reserve(CHUNK_SIZE))
        return;
    if (middle > from)
        release_part(from, middle);
    cairn__os_release((char *)window->base + middle + os_page, to - middle - os_page);
    release_tables(middle, to);
}

/* ---- all together ---- */

static bool fits_in_committed(const struct region *region, size_t count)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    return (opened + count) * CHUNK_SIZE <= region->committed;
}

struct region *cairn__window_extend(size_t count, size_t *first)
{
    if (!fits_in_committed(&regions.window, count))
        respect_limit();
    struct region *region = cairn__region_first();
    while (region != NULL && !has_room(region, count))
        region = cairn__region_next(region);
    if (region == NULL)
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
