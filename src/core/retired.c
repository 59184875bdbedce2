/* SPDX-License-Identifier: MIT */
/* See retired.h. */
#include "core/retired.h"

#include "os/lock.h"

static struct {
    struct lock lock; /* RANK_RETIRED */
    struct page_list of[CLASS_COUNT];
} retired;

void cairn__retired_put(struct page *page)
{
    cairn__page_close(page);
    lock_acquire(&retired.lock);
    page_push_last(&retired.of[page->class], page);
    lock_release(&retired.lock);
}

struct page *cairn__retired_take(unsigned class, struct heap *owner, size_t keep)
{
    lock_acquire(&retired.lock);
    struct page *page = retired.of[class].count > keep ? retired.of[class].first : NULL;
    if (page != NULL)
        page_remove(&retired.of[class], page);
    lock_release(&retired.lock);
    return page == NULL ? NULL : cairn__page_reopen(page, owner);
}

void cairn__retired_before_fork(void)
{
    lock_acquire(&retired.lock);
}

void cairn__retired_after_fork(bool child)
{
    lock_after_fork(&retired.lock, child);
}
