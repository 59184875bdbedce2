/* SPDX-License-Identifier: MIT */
/* See large.h. */
#include "core/large.h"

#include "base/option.h"
#include "base/print.h"
#include "core/fence.h"
#include "core/huge.h"
#include "core/purge.h"
#include "core/quarantine.h"
#include "core/recent.h"
#include "os/os.h"

/* ---- large ---- */

/* What a large block holds beyond what was asked for. The countdown has no other use there. */
static void set_asked(struct page *page, size_t size)
{
    page->needed = (uint32_t)(((size_t)page->units << UNIT_SHIFT) - size);
}

/* Fresh memory is taken only when the rows that this heap keeps are of no use either. */
static struct page *find_page(struct heap *heap, size_t units, bool chunk_aligned)
{
    struct page *page = NULL;
    if (!chunk_aligned && (page = cairn__recent_take(heap, units)) != NULL)
        heap->counts.recent++;
    if (page == NULL && units <= RECENT_UNITS_MAX)
        page = cairn__page_find_large(units, chunk_aligned);
    if (page == NULL)
        cairn__recent_flush(heap);
    return page;
}

static struct page *take_page(size_t units, bool chunk_aligned)
{
    struct heap *heap = cairn__heap;
    struct page *page = heap_is_real(heap) ? find_page(heap, units, chunk_aligned) : NULL;
    if (page == NULL)
        page = cairn__page_take_large(units, chunk_aligned);
    if (page == NULL && cairn__purge_collect())
        page = cairn__page_take_large(units, chunk_aligned);
    return page;
}

static size_t units_for(size_t size)
{
    if (SLOTTED)
        size = round_up(size + CANARY_LEAST, cairn__os_page_size()) + GUARD_BYTES;
    return (size + UNIT_SIZE - 1) >> UNIT_SHIFT;
}

/* Of a page that was just taken; false: it is given back. */
static bool open_block(struct page *page, size_t size, size_t align)
{
    set_asked(page, size);
    bool open = !SLOTTED || cairn__fence_open(page, size, align);
    if (!open)
        cairn__page_give(page);
    return open;
}

static bool is_zero(const struct page *page)
{
    size_t size = (size_t)page->units << UNIT_SHIFT;
    return page->clean || (size >= CLEAR_BY_SYSTEM && !cairn__purge_is_unwanted() &&
                           cairn__os_purge(page->start, size));
}

static void *take_units(size_t size, size_t align, bool *zeroed, struct heap *separate)
{
    struct page *page = take_page(units_for(size), align > UNIT_SIZE);
    if (page == NULL)
        return NULL;
    if (!open_block(page, size, align))
        return NULL;
    if (zeroed != NULL)
        *zeroed = SLOTTED || is_zero(page);
    if (separate == NULL && heap_is_real(cairn__heap))
        cairn__heap->counts.large++;
    if (separate != NULL) {
        separate->counts.large++;
        page->separate = true;
        page_push_first(&separate->large, page);
        atomic_store_explicit(&page->owner, separate, memory_order_relaxed);
    }
    return page->start;
}

bool cairn__large_free(void *block, struct page *page)
{
    struct heap *large = OWNER_LARGE;
    /* Two threads may free the same block: one of them is told. */
    if (block != page->start || !atomic_compare_exchange_strong(&page->owner, &large, OWNER_KEPT))
        return false;
    struct heap *heap = cairn__heap;
    if (SLOTTED) {
        cairn__fence_close(page);
        cairn__quarantine_put(page);
    } else if (heap_is_real(heap))
        cairn__recent_put(heap, page);
    else
        cairn__page_give(page);
    return true;
}

static bool resize_to(struct page *page, size_t size)
{
    bool done = SLOTTED ? cairn__fence_move(page, size)
                        : cairn__page_resize_large(page, units_for(size));
    if (done)
        set_asked(page, size);
    return done;
}

bool cairn__large_resize(void *block, size_t size)
{
    struct page *page = page_near(block);
    if (page == NULL || page->size != 0 || block != page->start)
        return false;
    struct heap *owner = page_owner(page);
    if (owner == OWNER_LARGE)
        return resize_to(page, size);
    if (!owner_is_heap(owner))
        return false;
    lock_acquire(&owner->lock);
    bool done = resize_to(page, size);
    lock_release(&owner->lock);
    return done;
}

/* ---- which of the two ---- */

static COLD void report_large(size_t size)
{
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: large allocation of ");
    cairn__text_uint(&line, size);
    cairn__text_put(&line, " bytes");
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}

static void report_if_large(size_t size)
{
    size_t least = cairn__option(OPTION_REPORT_LARGE);
    if (UNLIKELY(least != 0 && size >= least))
        report_large(size);
}

/* Long rows would cut up address space that is short. */
static size_t row_max(void)
{
    return cairn__window_is_limited() ? LARGE_MAX_LIMITED : LARGE_MAX;
}

void *cairn__large_alloc(size_t size, size_t align, bool *zeroed, struct heap *separate)
{
    report_if_large(size);
    if (!SLOTTED)
        size = size_max(size, 1);
    bool can_be_row = size <= UINT16_MAX * UNIT_SIZE && align <= CHUNK_SIZE;
    bool is_row = can_be_row && size <= row_max();
    void *block = is_row ? take_units(size, align, zeroed, separate) : NULL;
    if (block == NULL)
        block = cairn__huge_alloc(size, align, zeroed, separate);
    /* A limit on data (RLIMIT_DATA) counts what the pool has made accessible, free or not. */
    if (block == NULL && can_be_row && !is_row)
        block = take_units(size, align, zeroed, separate);
    return block;
}

static struct page *take_growing(size_t old_size, size_t size)
{
    size_t units = units_for(size);
    struct page *page = NULL;
    if (size - old_size < old_size / GROWTH_SHARE && !cairn__window_is_limited())
        page = cairn__page_take_roomy(units, size_min(units * GROWTH_ROOM, units_for(LARGE_MAX)));
    return page != NULL ? page : take_page(units, false);
}

void *cairn__large_alloc_growing(size_t old_size, size_t size)
{
    report_if_large(size);
    if (size > row_max())
        return cairn__huge_alloc(size, 1, NULL, NULL);
    struct page *page = take_growing(old_size, size);
    if (page == NULL)
        return NULL;
    if (!open_block(page, size, 1))
        return NULL;
    if (heap_is_real(cairn__heap))
        cairn__heap->counts.large++;
    return page->start;
}

void cairn__large_free_all(struct heap *separate)
{
    struct page *page;
    while ((page = separate->large.first) != NULL) {
        page_remove(&separate->large, page);
        cairn__page_give(page);
    }
    cairn__huge_free_all(separate);
}
