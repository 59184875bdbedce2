/* SPDX-License-Identifier: MIT */
/* See large.h. */
#include "core/large.h"

#include "base/option.h"
#include "base/print.h"
#include "core/fence.h"
#include "core/metadata.h"
#include "core/purge.h"
#include "core/quarantine.h"
#include "core/recent.h"
#include "os/lock.h"
#include "os/os.h"

/* A huge block. Records are kept for reuse, so a late reader of one sees a record. */
struct huge {
    char *start;
    size_t size;       /* of the mapping */
    size_t asked;      /* bytes asked for */
    struct huge *next; /* unused records; under the lock */

    /* Under the heap's lock. */
    struct heap *heap; /* a separate one, or NULL */
    struct huge *older;
    struct huge *newer;
} ALIGNED(CACHE_LINES);

static struct {
    struct lock lock; /* RANK_MAP */
    struct huge *unused;
    _Atomic size_t bytes;
    _Atomic size_t peak; /* of bytes */
    _Atomic size_t count;
} huge;

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
    set_asked(page, size);
    if (SLOTTED)
        cairn__fence_open(page, size, align);
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

/* ---- huge ---- */

static struct huge *take_record(void)
{
    lock_acquire(&huge.lock);
    struct huge *record = huge.unused;
    if (record != NULL)
        huge.unused = record->next;
    lock_release(&huge.lock);
    return record != NULL ? record : cairn__metadata_take(sizeof *record);
}

static void give_record(struct huge *record)
{
    lock_acquire(&huge.lock);
    record->next = huge.unused;
    huge.unused = record;
    lock_release(&huge.lock);
}

static void count_bytes(size_t added, size_t removed)
{
    size_t now = atomic_fetch_add_explicit(&huge.bytes, added - removed, memory_order_relaxed) +
                 added - removed;
    size_t peak = atomic_load_explicit(&huge.peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(
                             &huge.peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* ---- of a separate heap, under its lock ---- */

static void give_to(struct heap *separate, struct huge *record)
{
    record->heap = separate;
    if (separate == NULL)
        return;
    record->newer = NULL;
    record->older = separate->huge;
    if (record->older != NULL)
        record->older->newer = record;
    separate->huge = record;
    separate->huge_bytes += record->size;
}

static void take_from(struct heap *separate, struct huge *record)
{
    if (record->older != NULL)
        record->older->newer = record->newer;
    *(record->newer != NULL ? &record->newer->older : &separate->huge) = record->older;
    separate->huge_bytes -= record->size;
}

/* ---- mapping ---- */

/* What regions hold without using it may be what is missing. True: there was some. */
static bool make_room(void)
{
    bool some = cairn__purge_collect();
    return cairn__regions_release(0) || some;
}

static char *map_or_make_room(size_t size, size_t align)
{
    char *start = cairn__os_map(size, align);
    if (start != NULL)
        return start;
    return make_room() ? cairn__os_map(size, align) : NULL;
}

/* Of a large one's size it holds what a large one would: cairn_good_size tells by the size alone. */
static size_t huge_size_for(size_t size)
{
    return round_up(size, size <= LARGE_MAX ? UNIT_SIZE : cairn__os_page_size());
}

static void *map_huge(size_t size, size_t align, bool *zeroed, struct heap *separate)
{
    if (size > SIZE_LIMIT - CHUNK_SIZE || align > SIZE_LIMIT / 2)
        return NULL;
    size_t asked = size;
    size = huge_size_for(size);
    struct huge *record = take_record();
    if (record == NULL)
        return NULL;
    char *start = map_or_make_room(size, size_max(align, CHUNK_SIZE));
    if (start == NULL || !cairn__map_set(start, MAP_HUGE, record)) {
        if (start != NULL)
            cairn__os_release(start, size);
        give_record(record);
        return NULL;
    }
    record->start = start;
    record->size = size;
    record->asked = asked;
    give_to(separate, record);
    count_bytes(size, 0);
    atomic_fetch_add_explicit(&huge.count, 1, memory_order_relaxed);
    if (zeroed != NULL)
        *zeroed = true;
    return start;
}

static struct huge *find(const void *block)
{
    struct map_entry entry = cairn__map_find(block);
    struct huge *record = entry.record;
    return entry.kind == MAP_HUGE && record->start == block ? record : NULL;
}

/* False: somebody else has freed it. */
static bool unmap_huge(struct huge *record, void *block)
{
    if (!cairn__map_clear(block, record))
        return false;
    if (record->heap != NULL)
        take_from(record->heap, record);
    size_t size = record->size;
    give_record(record);
    count_bytes(0, size);
    atomic_fetch_sub_explicit(&huge.count, 1, memory_order_relaxed);
    cairn__os_release(block, size);
    return true;
}

bool cairn__huge_free(void *block)
{
    struct huge *record = find(block);
    if (record == NULL)
        return false;
    struct heap *separate = record->heap;
    if (separate == NULL)
        return unmap_huge(record, block);
    lock_acquire(&separate->lock);
    bool done = record->heap == separate && unmap_huge(record, block);
    lock_release(&separate->lock);
    return done;
}

size_t cairn__huge_size(const void *block)
{
    const struct huge *record = find(block);
    if (record == NULL)
        return 0;
    return SLOTTED ? record->asked : record->size;
}

struct heap *cairn__huge_heap(const void *block)
{
    const struct huge *record = find(block);
    return record == NULL ? NULL : record->heap;
}

bool cairn__huge_walk(const struct heap *separate,
                      bool (*visit)(void *context, void *block, size_t size), void *context)
{
    for (const struct huge *record = separate->huge; record != NULL; record = record->older)
        if (!visit(context, record->start, record->size))
            return false;
    return true;
}

/* Onto a range of its own, entered in the map before anything moves: from there on nothing fails. */
static char *move(struct huge *record, size_t size)
{
    char *target = cairn__os_reserve(size, CHUNK_SIZE);
    if (target == NULL && make_room())
        target = cairn__os_reserve(size, CHUNK_SIZE);
    if (target == NULL)
        return NULL;
    char *old = record->start;
    if (!cairn__map_set(target, MAP_HUGE, record)) {
        cairn__os_release(target, size);
        return NULL;
    }
    if (!cairn__os_move(old, record->size, target, size)) {
        cairn__map_clear(target, record);
        return NULL;
    }
    cairn__map_clear(old, record);
    return target;
}

static void *resize_huge(struct huge *record, void *block, size_t size)
{
    if (size != record->size && !cairn__os_resize(block, record->size, size)) {
        block = move(record, size);
        if (block == NULL)
            return NULL;
    }
    count_bytes(size, record->size);
    if (record->heap != NULL)
        record->heap->huge_bytes += size - record->size;
    record->start = block;
    record->size = size;
    return block;
}

void *cairn__huge_resize(void *block, size_t size)
{
    struct huge *record = find(block);
    if (record == NULL || size > SIZE_LIMIT - CHUNK_SIZE)
        return NULL;
    struct heap *separate = record->heap;
    if (separate != NULL)
        lock_acquire(&separate->lock);
    block = resize_huge(record, block, huge_size_for(size));
    if (block != NULL)
        record->asked = size;
    if (separate != NULL)
        lock_release(&separate->lock);
    return block;
}

struct huge_figures cairn__huge_figures(void)
{
    return (struct huge_figures){
        atomic_load_explicit(&huge.bytes, memory_order_relaxed),
        atomic_load_explicit(&huge.peak, memory_order_relaxed),
        atomic_load_explicit(&huge.count, memory_order_relaxed),
    };
}

void cairn__huge_before_fork(void)
{
    lock_acquire(&huge.lock);
}

void cairn__huge_after_fork(bool child)
{
    lock_after_fork(&huge.lock, child);
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
    size = size_max(size, 1);
    bool can_be_row = size <= UINT16_MAX * UNIT_SIZE && align <= CHUNK_SIZE;
    bool is_row = can_be_row && size <= row_max();
    void *block = is_row ? take_units(size, align, zeroed, separate) : NULL;
    if (block == NULL)
        block = map_huge(size, align, zeroed, separate);
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
        return map_huge(size, 1, NULL, NULL);
    struct page *page = take_growing(old_size, size);
    if (page == NULL)
        return NULL;
    set_asked(page, size);
    if (SLOTTED)
        cairn__fence_open(page, size, 1);
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
    while (separate->huge != NULL)
        unmap_huge(separate->huge, separate->huge->start);
}
