/* SPDX-License-Identifier: MIT */
/* See large.h. */
#include "core/large.h"

#include "core/metadata.h"
#include "os/lock.h"
#include "os/os.h"

/* A huge block. Records are kept for reuse, so a late reader of one sees a record. */
struct huge {
    char *start;
    size_t size;       /* of the mapping */
    struct huge *next; /* unused records; under the lock */
} ALIGNED(CACHE_LINES);

static struct {
    struct lock lock; /* RANK_MAP */
    struct huge *unused;
    _Atomic size_t bytes;
    _Atomic size_t peak; /* of bytes */
    _Atomic size_t count;
} huge;

/* ---- large ---- */

static void *take_units(size_t size, bool chunk_aligned, bool *zeroed)
{
    struct page *page = cairn__page_take_large((size + UNIT_SIZE - 1) >> UNIT_SHIFT, chunk_aligned);
    if (page == NULL)
        return NULL;
    if (zeroed != NULL)
        *zeroed = page->clean;
    return page->start;
}

bool cairn__large_free(void *block, struct page *page)
{
    struct heap *large = OWNER_LARGE;
    /* Two threads may free the same block: one of them is told. */
    if (block != page->start || !atomic_compare_exchange_strong(&page->owner, &large, NULL))
        return false;
    cairn__page_give(page);
    return true;
}

bool cairn__large_resize(void *block, size_t size)
{
    struct page *page = page_near(block);
    return page != NULL && page_owner(page) == OWNER_LARGE && block == page->start &&
           cairn__page_resize_large(page, (size + UNIT_SIZE - 1) >> UNIT_SHIFT);
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

/* What regions hold without using it may be what is missing. */
static char *map_or_make_room(size_t size, size_t align)
{
    char *start = cairn__os_map(size, align);
    if (start == NULL && cairn__regions_release(0))
        start = cairn__os_map(size, align);
    return start;
}

static void *map_huge(size_t size, size_t align, bool *zeroed)
{
    if (size > SIZE_LIMIT - CHUNK_SIZE || align > SIZE_LIMIT / 2)
        return NULL;
    size = round_up(size, cairn__os_page_size());
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

bool cairn__huge_free(void *block)
{
    struct huge *record = find(block);
    if (record == NULL || !cairn__map_clear(block, record))
        return false;
    size_t size = record->size;
    give_record(record);
    count_bytes(0, size);
    atomic_fetch_sub_explicit(&huge.count, 1, memory_order_relaxed);
    cairn__os_release(block, size);
    return true;
}

size_t cairn__huge_size(const void *block)
{
    const struct huge *record = find(block);
    return record == NULL ? 0 : record->size;
}

/* Onto a range of its own, entered in the map before anything moves: from there on nothing fails. */
static char *move(struct huge *record, size_t size)
{
    char *target = cairn__os_reserve(size, CHUNK_SIZE);
    if (target == NULL && cairn__regions_release(0))
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

void *cairn__huge_resize(void *block, size_t size)
{
    struct huge *record = find(block);
    if (record == NULL || size > SIZE_LIMIT - CHUNK_SIZE)
        return NULL;
    size = round_up(size, cairn__os_page_size());
    if (size != record->size && !cairn__os_resize(block, record->size, size)) {
        block = move(record, size);
        if (block == NULL)
            return NULL;
    }
    count_bytes(size, record->size);
    record->start = block;
    record->size = size;
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
    if (child)
        lock_reset(&huge.lock);
    else
        lock_release(&huge.lock);
}

/* ---- which of the two ---- */

void *cairn__large_alloc(size_t size, size_t align, bool *zeroed)
{
    size = size_max(size, 1);
    if (size <= LARGE_MAX && align <= CHUNK_SIZE)
        return take_units(size, align > UNIT_SIZE, zeroed);
    return map_huge(size, align, zeroed);
}
