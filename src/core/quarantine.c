/* SPDX-License-Identifier: MIT */
/* See quarantine.h. */
#include "core/quarantine.h"

#include "os/lock.h"

static struct {
    struct lock lock; /* RANK_RETIRED */
    struct page *ring[QUARANTINE_LARGE];
    size_t next; /* put in so far */
    size_t count;
    size_t bytes;
} quarantine;

static size_t bytes_of(const struct page *page)
{
    return (size_t)page->units << UNIT_SHIFT;
}

/* The oldest; NULL: there is none. Under the lock. */
static struct page *take_oldest(void)
{
    if (quarantine.count == 0)
        return NULL;
    struct page *page = quarantine.ring[(quarantine.next - quarantine.count--) % QUARANTINE_LARGE];
    quarantine.bytes -= bytes_of(page);
    return page;
}

/* Puts one in, or none (NULL); the one that has to leave for it, or NULL. */
static struct page *put_or_take(struct page *page, size_t most)
{
    struct page *leaves = NULL;
    lock_acquire(&quarantine.lock);
    if (page != NULL) {
        if (quarantine.count == QUARANTINE_LARGE)
            leaves = take_oldest();
        quarantine.ring[quarantine.next++ % QUARANTINE_LARGE] = page;
        quarantine.count++;
        quarantine.bytes += bytes_of(page);
    } else if (quarantine.bytes > most) {
        leaves = take_oldest();
    }
    lock_release(&quarantine.lock);
    return leaves;
}

/* How much address space: little where it is short. */
static size_t range(void)
{
    return cairn__window_is_limited() ? QUARANTINE_RANGE / 1024 : QUARANTINE_RANGE;
}

void cairn__quarantine_put(struct page *page)
{
    struct page *leaves = put_or_take(page, 0);
    while (leaves != NULL || (leaves = put_or_take(NULL, range())) != NULL) {
        cairn__page_give_closed(leaves);
        leaves = NULL;
    }
}

bool cairn__quarantine_flush(void)
{
    struct page *leaves;
    bool some = false;
    while ((leaves = put_or_take(NULL, 0)) != NULL) {
        cairn__page_give_closed(leaves);
        some = true;
    }
    return some;
}

void cairn__quarantine_before_fork(void)
{
    lock_acquire(&quarantine.lock);
}

void cairn__quarantine_after_fork(bool child)
{
    lock_after_fork(&quarantine.lock, child);
}
