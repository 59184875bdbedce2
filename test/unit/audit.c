/* SPDX-License-Identifier: MIT */
/*
 * See audit.h. Each block found in a list sets its bit in the marks of its page; a bit that is set
 * already is a block in two places. Marks are 4096 bits a unit, as there are no more blocks.
 */
#include "unit/audit.h"

#include <sys/mman.h>

#include "core/huge.h"
#include "core/large.h"
#include "core/recent.h"
#include "core/registry.h"
#include "core/remote.h"
#include "core/shared.h"
#include "unit/unit.h"

enum { MARKED_REGIONS = 256, MARK_BYTES = 512 };

static struct {
    const struct region *region;
    unsigned char *bits;
    size_t bytes;
} marks[MARKED_REGIONS];

static struct audit sum;

/* ---- marks ---- */

static void clear_marks(void)
{
    for (size_t i = 0; i < MARKED_REGIONS && marks[i].region != NULL; i++) {
        munmap(marks[i].bits, marks[i].bytes);
        marks[i].region = NULL;
    }
}

static unsigned char *marks_of(const struct page *page)
{
    for (size_t i = 0; i < MARKED_REGIONS; i++) {
        struct region *region = cairn__region_first();
        if (marks[i].region == NULL) {
            while (page < region->pages || page >= region->pages + region->size / UNIT_SIZE)
                region = cairn__region_next(region);
            marks[i].region = region;
            marks[i].bytes = region->opened * CHUNK_UNITS * MARK_BYTES;
            marks[i].bits = mmap(NULL, marks[i].bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            REQUIRE(marks[i].bits != MAP_FAILED);
        }
        const struct page *pages = marks[i].region->pages;
        if (page >= pages && page < pages + marks[i].region->size / UNIT_SIZE)
            return marks[i].bits + (size_t)(page - pages) * MARK_BYTES;
    }
    REQUIRE(!"more regions than the audit can mark");
    return NULL;
}

/* The number of a block in its page. */
static size_t number_of(const struct page *page, const void *block)
{
    size_t offset = (size_t)((const char *)block - page->start);
    REQUIRE((const char *)block >= page->start);
    REQUIRE(offset % page->size == 0);
    REQUIRE(offset / page->size < page->issued);
    return offset / page->size;
}

static void mark(const struct page *page, const void *block)
{
    size_t number = number_of(page, block);
    unsigned char *byte = marks_of(page) + number / 8;
    REQUIRE((*byte & 1 << number % 8) == 0); /* else it is in two places */
    *byte |= (unsigned char)(1 << number % 8);
}

void audit_is_live(const void *block)
{
    const struct page *page = page_of(block);
    REQUIRE(page_owner(page) != NULL);
    if (page_state(page) == PAGE_LARGE) {
        REQUIRE(block == page->start);
        return;
    }
    size_t number = number_of(page, block);
    REQUIRE((marks_of(page)[number / 8] & 1 << number % 8) == 0);
}

/* ---- pages ---- */

static void check_states(const struct page *page)
{
    struct heap *owner = page_owner(page);
    size_t in_use = page->issued - page_free_count(page);
    REQUIRE(page->issued <= page->capacity);
    REQUIRE(in_use <= page->issued);
    switch (page_state(page)) {
    case PAGE_ACTIVE:
        REQUIRE(owner_is_heap(owner));
        break;
    case PAGE_ASLEEP:
        REQUIRE(owner_is_heap(owner) || owner == OWNER_COLD);
        REQUIRE(page->needed >= 1 && page->needed <= page->wake);
        REQUIRE(page->needed_before >= page->needed);
        break;
    case PAGE_LISTED: /* needed 0: wholly free, and kept */
        REQUIRE(owner_is_heap(owner));
        REQUIRE(page_free_count(page) + page->capacity - page->issued >= page->wake);
        break;
    case PAGE_SHELVED:
        REQUIRE(owner == OWNER_DEPOT);
        REQUIRE(page->needed >= 1);
        REQUIRE(page_free_count(page) + page->capacity - page->issued >= page->wake);
        break;
    default:
        REQUIRE(!"a page of blocks in a state of its own");
    }
    sum.owned += owner_is_heap(owner);
    sum.cold += owner == OWNER_COLD;
    sum.shelved += owner == OWNER_DEPOT;
}

static bool is_separate(const struct heap *owner)
{
    return owner_is_heap(owner) && owner->separate;
}

/* Of no heap, kept by one, or of a separate one. */
static void check_large(const struct page *page)
{
    struct heap *owner = page_owner(page);
    REQUIRE(owner == OWNER_LARGE || owner == OWNER_KEPT || is_separate(owner));
    REQUIRE(page->size == 0 && page->separate == is_separate(owner));
    for (unsigned i = 1; i < page->units; i++)
        REQUIRE(page_owner(page + i) == NULL);
    sum.large += owner != OWNER_KEPT;
    sum.kept += owner == OWNER_KEPT ? page->units : 0;
    sum.owned += owner_is_heap(owner);
}

static void check_page(const struct region *region, const struct page *page)
{
    const struct class_info *info = &cairn__classes[page->class];
    REQUIRE(page->class >= 1 && page->class < CLASS_COUNT);
    REQUIRE(page->size == info->size && page->capacity == info->capacity);
    REQUIRE(page->units == info->units && page->wake == info->wake);
    REQUIRE(page->start == (char *)region->base + ((size_t)(page - region->pages) << UNIT_SHIFT));
    REQUIRE(page->separate == is_separate(page_owner(page)));
    for (unsigned i = 1; i < page->units; i++)
        REQUIRE(page_owner(page + i) == OWNER_INTERIOR && page[i].offset == i);
    check_states(page);

    size_t free = 0;
    for (const void *block = page->free; block != NULL; block = block_next(block), free++)
        mark(page, block);
    REQUIRE(free == page_free_count(page));
    sum.free += free;
    sum.live += page->issued - free; /* what is elsewhere is subtracted later */
    sum.live_bytes += (page->issued - free) * page->size;
    sum.out_bytes += (page->issued - free) * page->size;
    sum.pages++;
}

/* Pages that link each other and hang on no heap: the depot's. Each list has one first page. */
static void check_shelf_links(const struct page *page)
{
    if (page->prev != NULL)
        REQUIRE(page->prev->next == page && page_state(page->prev) == PAGE_SHELVED &&
                page->prev->class == page->class);
    if (page->next != NULL)
        REQUIRE(page->next->prev == page && page_state(page->next) == PAGE_SHELVED &&
                page->next->class == page->class);
}

static void check_chunk(const struct region *region, const struct chunk *chunk, size_t index)
{
    REQUIRE(chunk->region == region && chunk->index == index);
    REQUIRE(chunk->filed[BY_FREE].run == longest_run(chunk->free_mask));
    REQUIRE(chunk->filed[BY_DIRTY].run == longest_run(chunk->free_mask & chunk->dirty_mask));
    bool gives = (region->giving[index / 64] >> index % 64 & 1) != 0;
    REQUIRE(gives == (chunk->free_mask != 0));
    sum.free_units += (size_t)__builtin_popcount(chunk->free_mask);
    sum.dirty_units += (size_t)__builtin_popcount(chunk->free_mask & chunk->dirty_mask);
}

static bool unit_is_free(const struct region *region, size_t unit)
{
    return (region->chunks[unit / CHUNK_UNITS].free_mask >> unit % CHUNK_UNITS & 1) != 0;
}

static void check_region(const struct region *region)
{
    size_t opened = region->opened;
    REQUIRE(opened * CHUNK_SIZE <= region->committed && region->committed <= region->size);
    for (size_t i = 0; i < opened; i++)
        check_chunk(region, &region->chunks[i], i);
    for (size_t unit = 0; unit < opened * CHUNK_UNITS;) {
        const struct page *page = &region->pages[unit];
        struct heap *owner = page_owner(page);
        if (owner == NULL) {
            REQUIRE(page_state(page) == PAGE_NONE);
            unit++;
            continue;
        }
        REQUIRE(owner != OWNER_INTERIOR); /* it would have been passed with its page */
        for (size_t i = 0; i < page->units; i++)
            REQUIRE(!unit_is_free(region, unit + i));
        sum.units += page->units;
        if (page_state(page) == PAGE_LARGE) {
            check_large(page);
        } else {
            check_page(region, page);
            if (owner == OWNER_DEPOT)
                check_shelf_links(page);
        }
        unit += page->units;
    }
}

/* ---- heaps ---- */

/* Pages on the list, each the heap's own, in the state, linked both ways. */
static size_t check_list(struct heap *heap, unsigned class, const struct page_list *list,
                         enum page_state state)
{
    size_t count = 0;
    const struct page *before = NULL;
    for (const struct page *page = list->first; page != NULL; page = page->next, count++) {
        REQUIRE(page->prev == before);
        REQUIRE(page_owner(page) == heap && page->class == class && page_state(page) == state);
        before = page;
    }
    REQUIRE(list->first == NULL || list->last == before);
    REQUIRE(count == list->count);
    return count;
}

static void check_bin(const struct heap *heap, unsigned class)
{
    const struct page *active = heap->shelf[class].active;
    for (const void *block = heap->bin[class]; block != NULL; block = block_next(block)) {
        const struct page *page = page_of(block);
        REQUIRE(active == NULL ? heap->borrows : page == active);
        REQUIRE(page->class == class);
        mark(page, block);
        sum.in_bins++;
        sum.live--;
        sum.live_bytes -= page->size;
    }
}

static size_t check_shelf(struct heap *heap, unsigned class)
{
    const struct shelf *shelf = &heap->shelf[class];
    size_t pages = check_list(heap, class, &shelf->listed, PAGE_LISTED) +
                   check_list(heap, class, &shelf->asleep, PAGE_ASLEEP);
    for (const struct page *page = shelf->listed.first; page != NULL; page = page->next)
        REQUIRE(page->needed >= 1); /* wholly free ones are apart */
    if (shelf->spare != NULL) {
        REQUIRE(page_owner(shelf->spare) == heap && shelf->spare->class == class);
        REQUIRE(page_state(shelf->spare) == PAGE_LISTED && shelf->spare->units == 1);
        REQUIRE(shelf->spare->needed == 0);
        pages++;
    }
    if (shelf->active != NULL) {
        REQUIRE(page_owner(shelf->active) == heap && shelf->active->class == class);
        REQUIRE(page_state(shelf->active) == PAGE_ACTIVE);
        pages++;
    }
    check_bin(heap, class);
    return pages;
}

static void pass(const struct page *page, const void *block)
{
    mark(page, block);
    sum.in_transit++;
    sum.live--;
    sum.live_bytes -= page->size;
}

static void check_ring(const struct ring *ring)
{
    const void *block = ring->first;
    for (uint32_t i = 1; i < ring->count; i++, block = block_next(block)) {
        REQUIRE(page_of(block) == ring->page);
        pass(ring->page, block);
    }
    REQUIRE(block == ring->last);
    pass(ring->page, block);
}

static void check_batch(const struct batch *batch)
{
    const struct page *page = page_of(batch);
    unsigned count = (unsigned)(batch->packed & 0xffff);
    const char *second = page->start + (batch->packed >> 16 & 0xffff) * 16;
    const char *last = page->start + (batch->packed >> 32) * 16;
    REQUIRE(count >= 1 && count <= page->capacity);
    pass(page, batch);
    const void *block = count == 1 ? (const void *)batch : second;
    for (unsigned i = 1; i < count; i++) {
        pass(page, block);
        if (i + 1 < count)
            block = block_next(block);
    }
    REQUIRE(block == last);
}

static void check_chain(const void *chain)
{
    for (const struct batch *batch = chain; batch != NULL; batch = batch->next)
        check_batch(batch);
}

static bool add_huge(void *heap, void *block, size_t size)
{
    REQUIRE(cairn__huge_heap(block) == heap);
    REQUIRE(cairn__huge_size(block) == size);
    sum.huge_bytes += size;
    return true;
}

/* What only separate heaps have, and what they have not. Returns the number of large pages. */
static size_t check_separate(struct heap *heap, size_t pages)
{
    size_t before = sum.huge_bytes;
    cairn__huge_walk(heap, add_huge, heap);
    REQUIRE(sum.huge_bytes - before == heap->huge_bytes);
    size_t large = check_list(heap, 0, &heap->large, PAGE_LARGE);
    int state = atomic_load(&heap->state);
    REQUIRE(heap->separate == (state == HEAP_SEPARATE || state == HEAP_DESTROYED));
    if (!heap->separate) {
        REQUIRE(large == 0 && heap->huge == NULL);
        return 0;
    }
    REQUIRE(heap->shared == &heap->lock && atomic_load(&heap->lock.word) == 0);
    REQUIRE(memchr(heap->name, '\0', HEAP_NAME_SIZE) != NULL);
    for (int i = 0; i < REMOTE_RINGS; i++)
        REQUIRE(heap->ring[i].page == NULL);
    for (int i = 0; i < REMOTE_TARGETS; i++)
        REQUIRE(heap->target[i].heap == NULL);
    REQUIRE(heap->pending == NULL && heap->strays == NULL && atomic_load(&heap->inbox) == NULL);
    REQUIRE(!heap->borrows);
    REQUIRE(state == HEAP_SEPARATE || pages + large + heap->huge_bytes == 0);
    return large;
}

static size_t check_heap(struct heap *heap)
{
    REQUIRE(!heap->busy);
    REQUIRE(heap->bin[0] == NULL);
    size_t pages = 0;
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        pages += check_shelf(heap, class);
    for (int i = 0; i < REMOTE_RINGS; i++)
        if (heap->ring[i].page != NULL)
            check_ring(&heap->ring[i]);
    for (int i = 0; i < REMOTE_TARGETS; i++)
        if (heap->target[i].heap != NULL) {
            const struct batch *batch = heap->target[i].first;
            while (batch->next != NULL)
                batch = batch->next;
            REQUIRE(batch == heap->target[i].last);
            check_chain(heap->target[i].first);
        }
    check_chain(heap->pending);
    check_chain(heap->strays);
    check_chain(atomic_load(&heap->inbox));
    REQUIRE(heap->budget > 0 && heap->budget <= (int64_t)REMOTE_BUDGET);
    return pages + check_separate(heap, pages);
}

/* The two heaps that stand for none own nothing. */
static void check_nobody(const struct heap *heap)
{
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        REQUIRE(heap->bin[class] == NULL && heap->shelf[class].active == NULL);
    REQUIRE(heap->refills == 0 && heap->strays == NULL);
}

struct audit audit_all(struct heap *shared)
{
    clear_marks();
    sum = (struct audit){0};
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region))
        check_region(region);
    size_t owned = shared == NULL ? 0 : check_heap(shared);
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        owned += check_heap(heap);
    check_nobody(&cairn__heap_none);
    check_nobody(&cairn__heap_gone);
    REQUIRE(shared == NULL || owned == sum.owned);
    REQUIRE(owned <= sum.owned);
    struct pool_figures pool = cairn__pool_figures();
    REQUIRE(pool.used == sum.units);
    REQUIRE(pool.dirty == sum.dirty_units);
    REQUIRE(pool.used_peak >= pool.used);
    return sum;
}

struct audit audit_with_shared(void)
{
    struct heap *shared = cairn__shared_acquire();
    struct audit audit = audit_all(shared);
    cairn__shared_release(shared);
    return audit;
}

void unit_abandon(struct heap *heap)
{
    cairn__remote_empty_bins(heap);
    cairn__remote_flush(heap);
    cairn__heap_abandon(heap);
    cairn__recent_flush(heap);
}

void unit_abandon_shared(void)
{
    struct heap *shared = cairn__shared_acquire();
    unit_abandon(shared);
    cairn__shared_release(shared);
}

size_t audit_heaps_known(void)
{
    size_t count = 0;
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        count++;
    return count;
}
