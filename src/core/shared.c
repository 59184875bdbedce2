/* SPDX-License-Identifier: MIT */
/* See shared.h. */
#include "core/shared.h"

static struct lock lock; /* RANK_SHARED */
static struct heap shared;

void cairn__shared_start(void)
{
    cairn__heap_init(&shared, &lock);
    atomic_store_explicit(&shared.state, HEAP_SHARED, memory_order_relaxed);
}

struct heap *cairn__shared_acquire(void)
{
    lock_acquire(&lock);
    atomic_store_explicit(&cairn__has_threads, true, memory_order_relaxed);
    return &shared;
}

const struct heap *cairn__shared_peek(void)
{
    return &shared;
}

void cairn__shared_release(struct heap *heap)
{
    lock_release(heap->shared);
}

void cairn__shared_before_fork(void)
{
    lock_acquire(&lock);
}

void cairn__shared_after_fork(bool child)
{
    lock_after_fork(&lock, child);
}
