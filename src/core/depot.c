/* SPDX-License-Identifier: MIT */
/* See depot.h. */
#include "core/depot.h"

#include "core/age.h"
#include "core/retired.h"
#include "os/lock.h"

static struct {
    struct lock lock; /* RANK_DEPOT */
    struct page_list of[CLASS_COUNT];
    /* Pages of the class here: a hint that spares the lock when there are none. */
    _Atomic uint32_t count[CLASS_COUNT];
} depot;

static void set_count(unsigned class)
{
    atomic_store_explicit(&depot.count[class], (uint32_t)depot.of[class].count,
                          memory_order_relaxed);
}

void cairn__depot_put(struct page *page)
{
    page_recount(page, PAGE_SHELVED);
    page_set_listed(page);
    if (page->needed == 0) {
        page_retire(page);
        return;
    }
    lock_acquire(&depot.lock);
    page_push_first(&depot.of[page->class], page);
    set_count(page->class);
    atomic_store_explicit(&page->owner, OWNER_DEPOT, memory_order_release);
    lock_release(&depot.lock);
}

struct page *cairn__depot_take(unsigned class, struct heap *owner)
{
    if (LIKELY(atomic_load_explicit(&depot.count[class], memory_order_relaxed) == 0))
        return NULL;
    lock_acquire(&depot.lock);
    struct page *page = cairn__page_fullest(&depot.of[class]);
    if (page != NULL) {
        page_remove(&depot.of[class], page);
        set_count(class);
        atomic_store_explicit(&page->owner, owner, memory_order_release);
    }
    lock_release(&depot.lock);
    return page;
}

bool cairn__depot_accept(struct page *page, void *first, void *last, unsigned count)
{
    lock_acquire(&depot.lock);
    bool here = page_owner(page) == OWNER_DEPOT;
    bool empty = false;
    if (here) {
        page_link(page, first, last);
        page->needed -= count;
        empty = page->needed == 0;
        if (empty) {
            page_remove(&depot.of[page->class], page);
            set_count(page->class);
        }
    }
    lock_release(&depot.lock);
    if (empty)
        page_retire(page);
    return here;
}

void cairn__depot_before_fork(void)
{
    lock_acquire(&depot.lock);
}

void cairn__depot_after_fork(bool child)
{
    lock_after_fork(&depot.lock, child);
}
