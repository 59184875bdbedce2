/* SPDX-License-Identifier: MIT */
/* See refill.h. */
#include "core/refill.h"

#include <string.h>

#include "core/recent.h"
#include "core/remote.h"
#include "core/shared.h"

/*
 * The list that the page gives; NULL if it has nothing worth the trip. Few returned blocks of a full
 * page are not: it sleeps until there are more. In a page that is not full they come first, because
 * their memory was touched already.
 */
static void *take_returned(struct heap *heap, struct page *page)
{
    heap->counts.handed += page_free_count_in(page, PAGE_ACTIVE);
    return page_take_free(page);
}

static void *take_unused(struct heap *heap, struct page *page)
{
    unsigned before = page->issued;
    void *list = cairn__page_extend(page);
    heap->counts.handed += page->issued - before;
    return list;
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
}

/* What waits in a few pages is still in the cache, in whatever order. */
static bool is_worth_order(const struct shelf *shelf, const struct page *page)
{
    return page->size <= ORDER_MAX && shelf->listed.count >= ORDER_LISTED &&
           page_free_count_in(page, PAGE_ACTIVE) >= page->capacity / ORDER_SHARE;
}

static void *blocks_from(struct heap *heap, struct page *page)
{
    bool full = page->issued == page->capacity;
    unsigned count = page_free_count_in(page, PAGE_ACTIVE);
    if (count >= (full ? page->wake : 1))
        return take_returned(heap, page);
    if (full)
        return NULL;
    heap->fresh = page->clean && page->size >= EXTEND_BYTES; /* then it is one block, untouched */
    return take_unused(heap, page);
}

static bool should_borrow(const struct heap *heap, unsigned class)
{
    size_t size = cairn__classes[class].size;
    return heap->borrows && size <= SMALL_MAX &&
           heap->borrowed[class] < size_max(BORROW_MAX / size, 4);
}

/* Some blocks of the shared heap, linked; NULL when out of memory. */
static void *borrow(struct heap *heap, unsigned class)
{
    size_t count = size_max(BORROW_BYTES / cairn__classes[class].size, 1);
    void *list = NULL;
    struct heap *shared = cairn__shared_acquire();
    struct heap_counts before = shared->counts; /* they only pass through it */
    while (count-- > 0) {
        void *block = shared->bin[class];
        if (block != NULL)
            shared->bin[class] = block_next(block);
        else if ((block = cairn__refill(shared, class)) == NULL)
            break;
        block_set_next(block, list);
        list = block;
        heap->borrowed[class]++;
        heap->counts.handed++;
    }
    shared->counts = before;
    cairn__shared_release(shared);
    return list;
}

/* The list that the class can give by itself; NULL when out of memory. */
static void *blocks_of_class(struct heap *heap, unsigned class)
{
    struct page *page = heap->shelf[class].active;
    void *list = page == NULL ? NULL : blocks_from(heap, page);
    if (list != NULL)
        return list;
    if (page != NULL)
        cairn__heap_sleep(heap, class);
    page = cairn__heap_next_page(heap, class);
    if (page != NULL && is_worth_order(&heap->shelf[class], page))
        put_in_order(page);
    return page == NULL ? NULL : blocks_from(heap, page);
}

/* The same when memory is out: even a single block of a full page. */
static void *last_blocks_of_class(struct heap *heap, unsigned class)
{
    struct page *page = heap->shelf[class].active;
    if (page != NULL && page->free == NULL && page->issued == page->capacity) {
        cairn__heap_sleep(heap, class);
        page = NULL;
    }
    if (page == NULL && (page = cairn__heap_last_page(heap, class)) == NULL)
        return NULL;
    return page->free != NULL ? take_returned(heap, page) : take_unused(heap, page);
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
    for (; class < CLASS_COUNT; class ++) {
        if (cairn__classes[class].size % align != 0)
            continue;
        if (heap->bin[class] == NULL)
            heap->bin[class] = last_blocks_of_class(heap, class);
        void *block = heap->bin[class];
        if (block != NULL) {
            heap->bin[class] = block_next(block);
            return block;
        }
    }
    return NULL;
}

void cairn__refill_tend(struct heap *heap)
{
    bool outer = heap_enter(heap);
    if (UNLIKELY(remote_has_mail(heap)))
        cairn__remote_drain(heap);
    heap->short_trips = heap->pending == NULL ? SHORT_TRIPS : 0;
    if (++heap->refills % REMOTE_FLUSH_REFILLS == 0) {
        cairn__remote_flush(heap);
        cairn__pool_tick();
    }
    heap_leave(heap, outer);
}

void *cairn__refill(struct heap *heap, unsigned class)
{
    bool outer = heap_enter(heap);
    heap->fresh = false;
    cairn__refill_tend(heap);

    void *list = NULL;
    if (UNLIKELY(heap->shelf[class].active == NULL && should_borrow(heap, class)))
        list = borrow(heap, class);
    if (list == NULL)
        list = blocks_of_class(heap, class);
    if (UNLIKELY(list == NULL) && cairn__recent_flush_all())
        list = blocks_of_class(heap, class);
    heap->counts.trips++;
    if (LIKELY(list != NULL)) {
        heap->bin[class] = block_next(list);
    } else {
        list = last_block(heap, class);
        heap->fresh = false;
    }
    heap_leave(heap, outer);
    return list;
}
