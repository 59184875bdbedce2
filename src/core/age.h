/* SPDX-License-Identifier: MIT */
/*
 * How long freed blocks wait, in the hardened build: until so many other bytes were freed in the
 * process. A clock counts them, in ticks of some KiB; a free block's slot says at which tick it was
 * freed, and a page when it was listed. All threads have one clock, so it makes no difference who frees;
 * each adds what it has freed only when that makes a tick.
 */
#ifndef CAIRN_CORE_AGE_H
#define CAIRN_CORE_AGE_H

#include "core/page.h"

extern HIDDEN _Atomic uint32_t cairn__ticks;

/* How many ticks blocks of this size wait. */
static inline uint32_t quarantine_ticks(size_t size)
{
    return (uint32_t)((size <= QUARANTINE_SMALL ? QUARANTINE_SMALL_BYTES : QUARANTINE_BYTES) /
                          TICK_BYTES +
                      1);
}

static inline uint32_t ticks(void)
{
    return atomic_load_explicit(&cairn__ticks, memory_order_relaxed);
}

/* ---- pages ---- */

/* From now on it waits for its turn. */
static inline void page_set_listed(struct page *page)
{
#if SLOTTED
    page->since = ticks();
#else
    (void)page;
#endif
}

/* It is served from, from its first block on. */
static inline void page_begin_turn(struct page *page)
{
#if SLOTTED
    page->cursor = 0;
    page->since = ticks();
#else
    (void)page;
#endif
}

/* What was free in it when it was listed, or began its turn, has waited long enough. */
static inline bool page_is_ripe(const struct page *page)
{
#if SLOTTED
    return ticks() - page->since >= quarantine_ticks(page->size);
#else
    (void)page;
    return true;
#endif
}

#endif
