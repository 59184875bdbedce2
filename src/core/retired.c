/* SPDX-License-Identifier: MIT */
/* See retired.h. */
#include "core/retired.h"

#include "base/option.h"
#include "core/age.h"
#include "core/contents.h"
#include "core/crime.h"
#include "core/page_access.h"
#include "os/lock.h"

enum { OPEN, CLOSED, KINDS };

static struct {
    struct lock lock; /* RANK_RETIRED */
    struct page_list of[KINDS][CLASS_COUNT];
    _Atomic size_t open; /* bytes of them that were ever handed out, and so are in memory */
    unsigned turn;       /* the class that was closed from last */
    uint32_t steps;
} retired;

static size_t bytes_of(const struct page *page)
{
    return (size_t)page->issued * page->size;
}

static size_t open_bytes(void)
{
    return atomic_load_explicit(&retired.open, memory_order_relaxed);
}

static void put(unsigned kind, struct page *page)
{
    page_push_last(&retired.of[kind][page->class], page);
    if (kind == OPEN)
        atomic_fetch_add_explicit(&retired.open, bytes_of(page), memory_order_relaxed);
}

static struct page *take(unsigned kind, unsigned class)
{
    struct page *page = retired.of[kind][class].first;
    page_remove(&retired.of[kind][class], page);
    if (kind == OPEN)
        atomic_fetch_sub_explicit(&retired.open, bytes_of(page), memory_order_relaxed);
    return page;
}

/* ---- what was written to them ---- */

#if SLOTTED
/* Their blocks are free, and read as zero. */
static void look_at(const struct page *page)
{
    for (size_t at = 0; at < page->issued && page->class != CLASS_ZERO; at++) {
        const char *block = page->start + at * page->size;
        if (UNLIKELY(!is_zero(block, page->size)))
            cairn__crime((struct crime){
                .what = "write after free to", .ptr = block, .page = page, .size = page->size});
    }
}
#else
static void look_at(const struct page *page)
{
    (void)page;
}
#endif

void cairn__retired_sweep(void)
{
    lock_acquire(&retired.lock);
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        for (const struct page *page = retired.of[OPEN][class].first; page; page = page->next)
            look_at(page);
    lock_release(&retired.lock);
}

/* ---- closing ---- */

/* The page that waits longest in the next class that has one, if it came before so many steps. */
static struct page *next_to_close(uint32_t steps)
{
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        retired.turn = (retired.turn + 1) % CLASS_COUNT;
        const struct page *page = retired.of[OPEN][retired.turn].first;
        if (page != NULL && retired.steps - page->needed_before >= steps)
            return take(OPEN, retired.turn);
    }
    return NULL;
}

/* Until no more than `keep` bytes are open: of those that came before so many steps. */
static void close_to(size_t keep, uint32_t steps)
{
    lock_acquire(&retired.lock);
    while (open_bytes() > keep) {
        struct page *page = next_to_close(steps);
        if (page == NULL)
            break;
        lock_release(&retired.lock);
        look_at(page);
        cairn__page_close(page);
        lock_acquire(&retired.lock);
        put(CLOSED, page);
    }
    lock_release(&retired.lock);
}

/* More than this goes at once. */
static size_t most_open(void)
{
    size_t pages = atomic_load_explicit(&cairn__bytes_in_pages, memory_order_relaxed);
    return cairn__option_kept(
        size_max(cairn__option(OPTION_DIRTY_MAX) / RETIRED_SHARE, pages / DIRTY_SHARE));
}

bool cairn__retired_has_open(void)
{
    return open_bytes() != 0;
}

void cairn__retired_close(bool all)
{
    lock_acquire(&retired.lock);
    retired.steps++;
    lock_release(&retired.lock);
    close_to(0, all ? 0 : 2);
}

/* ---- pages ---- */

void cairn__retired_put(struct page *page)
{
    bool at_once = page->separate; /* it may have been destroyed with blocks in use */
    cairn__page_disown(page);
    if (at_once)
        cairn__page_close(page);
    lock_acquire(&retired.lock);
    page_set_listed(page);
    page->needed_before = retired.steps;
    put(at_once ? CLOSED : OPEN, page);
    lock_release(&retired.lock);
    size_t most = most_open();
    if (open_bytes() > most)
        close_to(most, 0);
}

static struct page *take_of(unsigned class, bool ripe)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        const struct page *page = retired.of[kind][class].first;
        if (page != NULL && (!ripe || page_is_ripe(page)))
            return take(kind, class);
    }
    return NULL;
}

struct page *cairn__retired_take(unsigned class, struct heap *owner, bool ripe)
{
    lock_acquire(&retired.lock);
    struct page *page = take_of(class, ripe);
    lock_release(&retired.lock);
    if (page == NULL || cairn__page_reopen(page, owner) != NULL)
        return page;
    lock_acquire(&retired.lock);
    put(CLOSED, page);
    lock_release(&retired.lock);
    return NULL;
}

void cairn__retired_before_fork(void)
{
    lock_acquire(&retired.lock);
}

void cairn__retired_after_fork(bool child)
{
    lock_after_fork(&retired.lock, child);
}
