/* SPDX-License-Identifier: MIT */
/* See registry.h. */
#include "core/registry.h"

#include <string.h>

#include "base/option.h"
#include "core/metadata.h"
#include "core/sampled.h"

static struct {
    struct lock lock; /* RANK_REGISTRY */
    _Atomic(struct heap *) known;
    _Atomic size_t live; /* heaps that have a thread */
    struct heap *idle;   /* last first: its memory is the warmest */
    struct heap *parked; /* idle too, but not in that list; last first */
    _Atomic size_t parked_count;
} registry;

static void enter(struct heap *heap)
{
    heap->next_known = atomic_load_explicit(&registry.known, memory_order_relaxed);
    heap->number = heap->next_known == NULL ? 1 : heap->next_known->number + 1;
    atomic_store_explicit(&registry.known, heap, memory_order_release);
}

static struct heap *create(void)
{
    struct heap *heap = cairn__metadata_take(sizeof *heap);
    if (heap != NULL) {
        cairn__heap_init(heap, NULL);
        enter(heap);
    }
    return heap;
}

void cairn__registry_add(struct heap *heap)
{
    lock_acquire(&registry.lock);
    enter(heap);
    lock_release(&registry.lock);
}

static size_t parked_count(void)
{
    return atomic_load_explicit(&registry.parked_count, memory_order_relaxed);
}

static void set_parked_count(size_t count)
{
    atomic_store_explicit(&registry.parked_count, count, memory_order_relaxed);
}

static void push(struct heap **list, struct heap *heap)
{
    heap->next_idle = *list;
    *list = heap;
}

static struct heap *take_waiting(void)
{
    struct heap **list = registry.parked != NULL ? &registry.parked : &registry.idle;
    struct heap *heap = *list;
    if (heap != NULL)
        *list = heap->next_idle;
    if (list == &registry.parked)
        set_parked_count(parked_count() - 1);
    return heap;
}

struct heap *cairn__registry_take(void)
{
    if (cairn__registry_live() >= cairn__option(OPTION_HEAPS))
        return NULL;
    lock_acquire(&registry.lock);
    if (atomic_load_explicit(&registry.known, memory_order_relaxed) != NULL)
        atomic_store(&cairn__has_threads, true);
    struct heap *heap = take_waiting();
    if (heap == NULL)
        heap = create();
    if (heap != NULL) {
        heap->borrows = atomic_fetch_add_explicit(&registry.live, 1, memory_order_relaxed) >=
                        BORROW_HEAPS;
        memset(heap->borrowed, 0, sizeof heap->borrowed);
        if (UNLIKELY(cairn__sample_rate != 0)) {
            memset(heap->sample, SAMPLE_UNKNOWN, sizeof heap->sample);
            heap->sample_due = 0;
            heap->short_blocks = heap->sample_given = 0;
        }
        if (SLOTTED)
            heap->quarantine = QUARANTINE_BYTES /
                               (int64_t)size_min(cairn__registry_live(), QUARANTINE_SHARES);
        atomic_store(&heap->state, HEAP_LIVE);
    }
    lock_release(&registry.lock);
    return heap;
}

/* Sequentially consistent, as is the sender's look at it in remote.c: one of the two sees the other. */
static void make_idle(struct heap *heap, struct heap **list)
{
    push(list, heap);
    atomic_fetch_sub_explicit(&registry.live, 1, memory_order_relaxed);
    atomic_store(&heap->state, HEAP_IDLE);
}

void cairn__registry_give(struct heap *heap)
{
    lock_acquire(&registry.lock);
    make_idle(heap, &registry.idle);
    lock_release(&registry.lock);
}

/* ---- parked heaps ---- */

bool cairn__registry_has_parked(void)
{
    return parked_count() != 0;
}

bool cairn__registry_can_park(void)
{
    return parked_count() < PARKED_HEAPS && cairn__option(OPTION_PURGE_DELAY) != 0;
}

void cairn__registry_park(struct heap *heap)
{
    lock_acquire(&registry.lock);
    if (cairn__registry_can_park()) {
        heap->waited = false;
        set_parked_count(parked_count() + 1);
        make_idle(heap, &registry.parked);
    } else {
        cairn__heap_abandon(heap);
        make_idle(heap, &registry.idle);
    }
    lock_release(&registry.lock);
}

bool cairn__registry_unpark(bool all)
{
    if (!cairn__registry_has_parked())
        return false;
    bool some = false;
    lock_acquire(&registry.lock);
    struct heap **link = &registry.parked, *heap;
    while ((heap = *link) != NULL) {
        if (!all && !heap->waited) {
            heap->waited = true;
            link = &heap->next_idle;
            continue;
        }
        *link = heap->next_idle;
        set_parked_count(parked_count() - 1);
        cairn__heap_abandon(heap);
        push(&registry.idle, heap);
        some = true;
    }
    lock_release(&registry.lock);
    return some;
}

/* ---- frees, walking, forks ---- */

bool cairn__registry_free_batch(struct heap *idle, struct page *page, void *first, void *last,
                                unsigned count)
{
    lock_acquire(&registry.lock);
    bool its = atomic_load(&idle->state) == HEAP_IDLE && page_owner(page) == idle;
    if (its)
        cairn__heap_free_batch(idle, page, first, last, count);
    lock_release(&registry.lock);
    return its;
}

size_t cairn__registry_live(void)
{
    return atomic_load_explicit(&registry.live, memory_order_relaxed);
}

struct heap *cairn__registry_first(void)
{
    return atomic_load_explicit(&registry.known, memory_order_acquire);
}

void cairn__registry_before_fork(void)
{
    lock_acquire(&registry.lock);
}

void cairn__registry_after_fork(void)
{
    lock_release(&registry.lock);
}

void cairn__registry_in_child(const struct heap *own)
{
    lock_reset(&registry.lock);
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        if (heap != own && !heap->busy && atomic_load(&heap->state) == HEAP_LIVE)
            make_idle(heap, &registry.idle);
}
