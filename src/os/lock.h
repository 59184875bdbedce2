/* SPDX-License-Identifier: MIT */
/*
 * A lock of one word that sleeps in the kernel when it has to wait (U. Drepper, Futexes Are Tricky,
 * 2011, "mutex2"). Never allocates; zero is an unlocked lock, so a static one needs no start.
 *
 * Order: a thread that holds a lock takes only locks of a higher rank. The ranks stand here so that
 * the whole order can be read in one place; fork takes them all, in this order.
 */
#ifndef CAIRN_OS_LOCK_H
#define CAIRN_OS_LOCK_H

#include <stdatomic.h>

#include "base/config.h"

enum lock_rank {
    RANK_START,    /* process start: window, options, hooks */
    RANK_SEPARATE, /* the list of the program's own heaps */
    RANK_SHARED,   /* the heap of all who have none; each of the program's own */
    RANK_REGISTRY, /* the list of heaps, and heaps that have no thread */
    RANK_DEPOT,    /* pages that have free blocks and no heap */
    RANK_RETIRED,  /* pages without memory, kept for their class (hardened) */
    RANK_GROW,     /* adding memory to the pool */
    RANK_POOL,     /* chunks and their units */
    RANK_SAMPLED,  /* sampled blocks */
    RANK_MAP,      /* large mappings of their own, metadata */
    RANK_COUNT
};

struct lock {
    _Atomic uint32_t word; /* 0 free, 1 held, 2 held and somebody may sleep */
};

NOINLINE void cairn__lock_wait(struct lock *lock);
NOINLINE void cairn__lock_wake(struct lock *lock);

static inline void lock_acquire(struct lock *lock)
{
    uint32_t free = 0;
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &lock->word, &free, 1, memory_order_acquire, memory_order_relaxed)))
        cairn__lock_wait(lock);
}

static inline bool lock_try(struct lock *lock)
{
    uint32_t free = 0;
    return atomic_compare_exchange_strong_explicit(&lock->word, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void lock_release(struct lock *lock)
{
    if (UNLIKELY(atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2))
        cairn__lock_wake(lock);
}

/* For the child of a fork: whoever held or awaited the lock is not there any more. */
static inline void lock_reset(struct lock *lock)
{
    atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
}

/* What was acquired before a fork, in the parent or in the child. */
static inline void lock_after_fork(struct lock *lock, bool child)
{
    if (child)
        lock_reset(lock);
    else
        lock_release(lock);
}

#endif
