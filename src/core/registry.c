/* SPDX-License-Identifier: MIT */
/* See registry.h. */
#include "core/registry.h"

#include <string.h>

#include "base/option.h"
#include "core/metadata.h"

static struct {
    struct lock lock; /* RANK_REGISTRY */
    _Atomic(struct heap *) known;
    _Atomic size_t live; /* heaps that have a thread */
    struct heap *idle;   /* last first: its memory is the warmest */
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

struct heap *cairn__registry_take(void)
{
    if (cairn__registry_live() >= cairn__option(OPTION_HEAPS))
        return NULL;
    lock_acquire(&registry.lock);
    if (atomic_load_explicit(&registry.known, memory_order_relaxed) != NULL)
        atomic_store(&cairn__has_threads, true);
    struct heap *heap = registry.idle;
    if (heap != NULL)
        registry.idle = heap->next_idle;
    else
        heap = create();
    if (heap != NULL) {
        heap->borrows = atomic_fetch_add_explicit(&registry.live, 1, memory_order_relaxed) >=
                        BORROW_HEAPS;
        memset(heap->borrowed, 0, sizeof heap->borrowed);
        heap->quarantine = QUARANTINE_BYTES /
                           (int64_t)size_min(cairn__registry_live(), QUARANTINE_SHARES);
        atomic_store(&heap->state, HEAP_LIVE);
    }
    lock_release(&registry.lock);
    return heap;
}

/* Sequentially consistent, as is the sender's look at it in remote.c: one of the two sees the other. */
static void make_idle(struct heap *heap)
{
    heap->next_idle = registry.idle;
    registry.idle = heap;
    atomic_fetch_sub_explicit(&registry.live, 1, memory_order_relaxed);
    atomic_store(&heap->state, HEAP_IDLE);
}

void cairn__registry_give(struct heap *heap)
{
    lock_acquire(&registry.lock);
    make_idle(heap);
    lock_release(&registry.lock);
}

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
            make_idle(heap);
}
