/* SPDX-License-Identifier: MIT */
/* See refill.h. */
#include "core/refill.h"

#include <string.h>

#include "core/bin.h"
#include "core/degraded.h"
#include "core/purge.h"
#include "core/registry.h"
#include "core/remote.h"
#include "core/retired.h"
#include "core/sampled.h"
#include "core/shared.h"

#if SLOTTED

/* As many of its blocks as a magazine holds, in random order. */
static bool blocks_from(struct heap *heap, struct page *page)
{
    return cairn__bin_fill(heap, page, false);
}

static void put_in_order(struct page *page)
{
    (void)page;
}

static bool is_worth_order(const struct shelf *shelf, const struct page *page)
{
    (void)shelf, (void)page;
    return false;
}

/* Whatever the page has, in whatever turn. */
static bool last_blocks_from(struct heap *heap, struct page *page)
{
    if (cairn__bin_fill(heap, page, true))
        return true;
    page->cursor = 0;
    return cairn__bin_fill(heap, page, true);
}

static bool can_give_any(const struct page *page)
{
    return page_free_count(page) != 0 || page->cursor < page->capacity;
}

#else

/*
 * The list that the page gives; false if it has nothing worth the trip. Few returned blocks of a full
 * page are not: it sleeps until there are more. In a page that is not full they come first, because
 * their memory was touched already.
 */
static void take_returned(struct heap *heap, struct page *page)
{
    heap->counts.handed += page_free_count_in(page, PAGE_ACTIVE);
    heap->bin[page->class] = page_take_free(page);
}

static void take_unused(struct heap *heap, struct page *page)
{
    unsigned before = page->issued;
    heap->bin[page->class] = cairn__page_extend(page);
    heap->counts.handed += page->issued - before;
}

/*
 * Links the free blocks of a page in the order of their addresses: whoever walks over what the program
 * makes of them later finds one behind the other. They lie in memory that was not used for a while. To
 * follow the links through it costs a cache miss a block, one after the other; so all are fetched
 * first, side by side. (A third of a million blocks freed at random: 30 ns each to allocate anew in the
 * order of their frees, 120 in that of addresses, 20 with the fetching; and lists made of them are walked
 * through in a quarter of the time.)
 */
static void put_in_order(struct page *page)
{
    uint64_t free[UNIT_SIZE / 16 / 64]; /* a bit a block */
    unsigned words = (page->issued + 63u) / 64;
    memset(free, 0, words * sizeof free[0]);
    uint64_t factor = UINT32_MAX / page->size + 1; /* exact for less than 2^16 bytes */
    for (size_t at = 0; at < page->issued; at++)
        __builtin_prefetch(page->start + at * page->size, 1);
    unsigned left = page->issued; /* no list is longer, unless a block was freed twice */
    for (void *block = page->free; block != NULL && left-- > 0; block = block_next(block)) {
        size_t offset = (size_t)((char *)block - page->start);
        if (offset >= (size_t)page->issued * page->size)
            break; /* the program has written to a block that it had freed */
        size_t at = (offset * factor) >> 32;
        free[at / 64] |= (uint64_t)1 << (at % 64);
    }
    void **end = &page->free;
    char *start = page->start;
    for (unsigned word = 0; word < words; word++, start += (size_t)64 * page->size)
        for (uint64_t bits = free[word]; bits != 0; bits &= bits - 1) {
            void **block = (void **)(start + lowest_bit(bits) * (size_t)page->size);
            *end = block;
            end = block;
        }
    *end = NULL;
    if (CHECKED)
        for (void *block = page->free; block != NULL; block = *(void **)block)
            block_set_next(block, *(void **)block);
}

/* What waits in a few pages is still in the cache, in whatever order. */
static bool is_worth_order(const struct shelf *shelf, const struct page *page)
{
    return page->size <= ORDER_MAX && shelf->listed.count >= ORDER_LISTED &&
           page_free_count_in(page, PAGE_ACTIVE) >= page->capacity / ORDER_SHARE;
}

static bool blocks_from(struct heap *heap, struct page *page)
{
    bool full = page->issued == page->capacity;
    unsigned count = page_free_count_in(page, PAGE_ACTIVE);
    if (count >= (full ? page->wake : 1)) {
        take_returned(heap, page);
        return true;
    }
    if (full)
        return false;
    heap->fresh = page->clean && page->size >= EXTEND_BYTES; /* then it is one block, untouched */
    take_unused(heap, page);
    return true;
}

static bool last_blocks_from(struct heap *heap, struct page *page)
{
    if (page->free != NULL)
        take_returned(heap, page);
    else
        take_unused(heap, page);
    return true;
}

static bool can_give_any(const struct page *page)
{
    return page->free != NULL || page->issued != page->capacity;
}

#endif

static bool should_borrow(const struct heap *heap, unsigned class)
{
    size_t size = cairn__classes[class].size;
    return heap->borrows && size <= SMALL_MAX &&
           heap->borrowed[class] < size_max(BORROW_MAX / size, 4);
}

/* Some blocks of the shared heap; false when out of memory. */
static bool borrow(struct heap *heap, unsigned class)
{
#if SLOTTED
    (void)heap, (void)class;
    return false;
#else
    size_t count = size_max(BORROW_BYTES / cairn__classes[class].size, 1);
    void *list = NULL;
    struct heap *shared = cairn__shared_acquire();
    struct heap_counts before = shared->counts; /* they only pass through it */
    while (count-- > 0) {
        void *block = bin_take(shared, class);
        if (block == NULL && (block = cairn__refill(shared, class)) == NULL)
            break;
        block_set_next(block, list);
        list = block;
        heap->borrowed[class]++;
        heap->counts.handed++;
    }
    shared->counts = before;
    cairn__shared_release(shared);
    heap->bin[class] = list;
    return list != NULL;
#endif
}

/* Fills the bin with what the class can give by itself; false when out of memory. */
static bool blocks_of_class(struct heap *heap, unsigned class)
{
    struct page *page = heap->shelf[class].active;
    if (page != NULL) {
        if (blocks_from(heap, page))
            return true;
        cairn__heap_sleep(heap, class);
    }
    while ((page = cairn__heap_next_page(heap, class)) != NULL) {
        if (is_worth_order(&heap->shelf[class], page))
            put_in_order(page);
        if (blocks_from(heap, page))
            return true;
        cairn__heap_sleep(heap, class); /* hardened: what it has must wait still */
    }
    return false;
}

/* The same when memory is out: even a single block of a full page. */
static bool last_blocks_of_class(struct heap *heap, unsigned class)
{
    struct page *page = heap->shelf[class].active;
    if (page != NULL && !can_give_any(page)) {
        cairn__heap_sleep(heap, class);
        page = NULL;
    }
    if (page == NULL && (page = cairn__heap_last_page(heap, class)) == NULL)
        return false;
    return last_blocks_from(heap, page);
}

/*
 * The last resort when no page can be had any more: a block of the class in a page that sleeps, or one
 * of a larger class that is aligned as well. Or a heap that is full up to one freed block of some
 * hundred KiB could serve a few classes only, each with a page of its own.
 */
static void *last_block(struct heap *heap, unsigned class)
{
    uint32_t size = cairn__classes[class].size;
    uint32_t align = size & -size;
    for (; class < CLASS_END && cairn__classes[class].size <= MEDIUM_MAX; class ++) {
        if (cairn__classes[class].size % align != 0)
            continue;
        if (SLOTTED && cairn__classes[class].size > size + LAST_SLACK)
            break;
        void *block = bin_take(heap, class);
        if (block == NULL && last_blocks_of_class(heap, class))
            block = bin_take(heap, class);
        if (block != NULL)
            return block;
    }
    return NULL;
}

void cairn__refill_tend(struct heap *heap)
{
    bool outer = heap_enter(heap);
    if (UNLIKELY(remote_has_mail(heap)))
        cairn__remote_drain(heap);
    if (UNLIKELY(cairn__sample_rate != 0))
        heap->short_blocks = cairn__sample_budget(heap);
    else
        heap->short_blocks = heap->pending == NULL ? SHORT_BLOCKS : 0;
    if (++heap->refills % REMOTE_FLUSH_REFILLS == 0) {
        cairn__remote_flush(heap);
        cairn__pool_tick(cairn__registry_has_parked() || cairn__retired_has_open());
    }
    heap_leave(heap, outer);
}

void *cairn__refill(struct heap *heap, unsigned class)
{
    bool outer = heap_enter(heap);
    heap->fresh = false;
    cairn__refill_tend(heap);

    bool filled = false;
    if (UNLIKELY(heap->shelf[class].active == NULL && should_borrow(heap, class)))
        filled = borrow(heap, class);
    if (!filled)
        filled = blocks_of_class(heap, class);
    if (UNLIKELY(!filled) && cairn__purge_collect())
        filled = blocks_of_class(heap, class);
    heap->counts.trips++;
    void *block;
    if (LIKELY(filled)) {
        block = bin_take(heap, class);
    } else {
        block = last_block(heap, class);
        if (SLOTTED && block != NULL)
            cairn__degraded(DEGRADED_QUARANTINE);
        heap->fresh = false;
    }
    heap_leave(heap, outer);
    return block;
}
