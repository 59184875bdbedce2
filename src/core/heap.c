/* SPDX-License-Identifier: MIT */
/* See heap.h. */
#include "core/heap.h"

#include "core/age.h"
#include "core/degraded.h"
#include "core/depot.h"
#include "core/retired.h"
#include "core/secret.h"
#include "os/fatal.h"

__thread struct heap *cairn__heap __attribute__((tls_model("initial-exec"))) = &cairn__heap_none;
struct heap cairn__heap_none;
struct heap cairn__heap_gone;
_Atomic bool cairn__has_threads;

void cairn__heap_init(struct heap *heap, struct lock *shared)
{
    heap->budget = REMOTE_BUDGET;
    heap->shared = shared;
    if (SLOTTED) {
        cairn__secret_start(heap->random);
        heap->quarantine = QUARANTINE_BYTES / QUARANTINE_SHARES;
        heap->until_tick = TICK_BYTES;
    }
}

void cairn__tick(struct heap *heap)
{
#if SLOTTED
    int64_t bytes = TICK_BYTES - heap->until_tick;
    atomic_fetch_add_explicit(&cairn__ticks, (uint32_t)(bytes / TICK_BYTES), memory_order_relaxed);
    heap->until_tick = TICK_BYTES - bytes % TICK_BYTES;
#else
    (void)heap;
#endif
}

/* ---- listed pages ---- */

static void wake_up(struct shelf *shelf, struct page *page)
{
    page_remove(&shelf->asleep, page);
    page_change(page, PAGE_ASLEEP, PAGE_LISTED);
    page_set_listed(page);
    page_push_last(&shelf->listed, page);
}

/* Beyond the quarantine some pages are kept, or every turn would give one back and fetch it again. */
static int64_t most_waiting(const struct heap *heap)
{
    int64_t share = heap->owned / QUARANTINE_KEPT_SHARE;
    int64_t half = heap->quarantine / 2;
    return heap->quarantine + (share > half ? share : half);
}

/* A listed page whose last block has come back. */
static void empty_page(struct heap *heap, struct shelf *shelf, struct page *page)
{
    if (SLOTTED && heap->waiting <= most_waiting(heap))
        return; /* it waits for its turn */
    heap_add_owned(heap, page, -1);
    page_remove(&shelf->listed, page);
    heap_add_waiting(heap, page, -(int64_t)page->issued);
    if (!SLOTTED && shelf->spare == NULL && page->units == 1)
        shelf->spare = page;
    else
        page_retire(page);
}

void cairn__heap_event(struct heap *heap, struct page *page)
{
    struct shelf *shelf = &heap->shelf[page->class];
    bool outer = heap_enter(heap);
    if (page_state(page) == PAGE_ASLEEP)
        wake_up(shelf, page);
    else
        empty_page(heap, shelf, page);
    heap_leave(heap, outer);
}

void cairn__heap_free_batch(struct heap *heap, struct page *page, void *first, void *last,
                            unsigned count)
{
    heap_count_freed(heap, page, count);
    cairn__heap_take_back(heap, page, first, last, count);
}

void cairn__heap_take_back(struct heap *heap, struct page *page, void *first, void *last,
                           unsigned count)
{
    page_link(page, first, last);
    heap_add_waiting(heap, page, count);
    while (count >= page->needed) {
        count -= page->needed;
        page->needed = 0;
        cairn__heap_event(heap, page);
        if (count == 0 || page->needed == 0)
            return; /* the page may be gone (or more came back than was out: a double free) */
    }
    page->needed -= count;
}

/* ---- sleeping pages ---- */

bool cairn__heap_adopt(struct heap *heap, struct page *page)
{
    struct heap *cold = OWNER_COLD;
    if (!atomic_compare_exchange_strong_explicit(&page->owner, &cold, heap, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return false;
    page->needed_before = page->needed;
    page_push_first(&heap->shelf[page->class].asleep, page);
    heap_add_waiting(heap, page, page_free_count(page));
    return true;
}

/* A page of which no block has come back for a long time: whoever frees one first shall have it. */
static void cool_oldest(struct heap *heap, struct shelf *shelf)
{
    struct page *page = shelf->asleep.last;
    page_remove(&shelf->asleep, page);
    if (page->needed == page->needed_before) {
        heap_add_waiting(heap, page, -(int64_t)page_free_count(page));
        atomic_store_explicit(&page->owner, OWNER_COLD, memory_order_release);
    } else {
        page->needed_before = page->needed;
        page_push_first(&shelf->asleep, page);
    }
}

/* Its blocks that came back meanwhile are for the next turn. */
static void await_turn(struct heap *heap, struct shelf *shelf, struct page *page)
{
    page_change(page, PAGE_ACTIVE, PAGE_LISTED);
    page_set_listed(page);
    page_push_last(&shelf->listed, page);
    if (page->needed == 0)
        empty_page(heap, shelf, page);
}

void cairn__heap_sleep(struct heap *heap, unsigned class)
{
    struct shelf *shelf = &heap->shelf[class];
    struct page *page = shelf->active;
    shelf->active = NULL;
    if (SLOTTED && page_free_count(page) >= page->wake) {
        await_turn(heap, shelf, page);
        return;
    }
    page_change(page, PAGE_ACTIVE, PAGE_ASLEEP);
    page->needed_before = page->needed;
    page_push_first(&shelf->asleep, page);
    if (shelf->asleep.count > ASLEEP_KEPT && !heap->separate)
        cool_oldest(heap, shelf);
}

/* ---- the next page ---- */

static struct page *activate(struct shelf *shelf, struct page *page, enum page_state from)
{
    page_change(page, from, PAGE_ACTIVE);
    page_begin_turn(page);
    shelf->active = page;
    return page;
}

static struct page *next_used_page(struct heap *heap, unsigned class, bool ripe)
{
    struct shelf *shelf = &heap->shelf[class];
    struct page *page = shelf->listed.first;
    if (LIKELY(page != NULL && (!ripe || page_is_ripe(page)))) {
        page_remove(&shelf->listed, page);
    } else if ((page = shelf->spare) != NULL) {
        shelf->spare = NULL;
    } else {
        if (heap->separate || (page = cairn__depot_take(class, heap)) == NULL)
            return NULL;
        heap_add_waiting(heap, page, page_free_count_in(page, PAGE_LISTED));
    }
    return activate(shelf, page, PAGE_LISTED); /* shelved ones count in the same way */
}

static struct page *next_fresh_page(struct heap *heap, unsigned class)
{
    struct page *page = SLOTTED ? cairn__retired_take(class, heap, true) : NULL;
    if (page == NULL)
        page = cairn__page_take(class, heap);
    if (page == NULL && SLOTTED) {
        page = cairn__retired_take(class, heap, false);
        if (page != NULL)
            cairn__degraded(DEGRADED_QUARANTINE);
    }
    if (page != NULL) {
        page->separate = heap->separate;
        page_begin_turn(page);
        heap->shelf[class].active = page;
        heap_add_owned(heap, page, 1);
    }
    return page;
}

struct page *cairn__heap_next_page(struct heap *heap, unsigned class)
{
    struct page *page = next_used_page(heap, class, true);
    return page != NULL ? page : next_fresh_page(heap, class);
}

struct page *cairn__heap_last_page(struct heap *heap, unsigned class)
{
    struct shelf *shelf = &heap->shelf[class];
    struct page *page = next_used_page(heap, class, false);
    if (page != NULL)
        return page;
    for (page = shelf->asleep.first; page != NULL; page = page->next)
        if (SLOTTED ? page_free_count(page) != 0 : page->free != NULL) {
            page_remove(&shelf->asleep, page);
            return activate(shelf, page, PAGE_ASLEEP);
        }
    return NULL;
}

/* ---- less ---- */

/* A page of the heap's that is in no list, and of which nothing is in use. */
static void give_up(struct heap *heap, struct page *page)
{
    heap_add_owned(heap, page, -1);
    heap_add_waiting(heap, page, -(int64_t)page_free_count(page));
    page_set_listed(page);
    page_retire(page);
}

static void trim_class(struct heap *heap, struct shelf *shelf)
{
    struct page *page = shelf->active, *next;
    if (page != NULL && page_free_count(page) == page->issued) {
        shelf->active = NULL;
        give_up(heap, page);
    }
    for (page = shelf->listed.first; page != NULL; page = next) {
        next = page->next;
        if (page->needed == 0) { /* hardened: it waits */
            page_remove(&shelf->listed, page);
            give_up(heap, page);
        }
    }
    page = shelf->spare;
    shelf->spare = NULL;
    if (page != NULL)
        page_retire(page);
}

void cairn__heap_trim(struct heap *heap)
{
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        trim_class(heap, &heap->shelf[class]);
}

/* ---- the end ---- */

/* Hands on a page that is in no list: to the depot if it can serve soon, else to its next freer. */
static void hand_on(struct page *page)
{
    unsigned can_give = page_free_count(page) + page->capacity - page->issued;
    if (can_give >= page->wake) {
        cairn__depot_put(page);
        return;
    }
    /* Blocks never handed out cannot be counted down to: such a page sleeps on without them. */
    page_recount(page, PAGE_ASLEEP);
    page->needed_before = page->needed;
    atomic_store_explicit(&page->owner, OWNER_COLD, memory_order_release);
}

static void hand_on_all(struct page_list *list)
{
    struct page *page;
    while ((page = list->first) != NULL) {
        page_remove(list, page);
        hand_on(page);
    }
}

/* Nothing is written where there is nothing: it stays out of memory. */
static void abandon_active(struct shelf *shelf)
{
    struct page *page = shelf->active;
    if (page != NULL) {
        shelf->active = NULL;
        hand_on(page);
    }
}

static void abandon_others(struct shelf *shelf)
{
    struct page *page = shelf->spare;
    hand_on_all(&shelf->listed);
    if (page != NULL) {
        shelf->spare = NULL;
        page_retire(page);
    }
    hand_on_all(&shelf->asleep);
}

void cairn__heap_abandon(struct heap *heap)
{
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        abandon_active(&heap->shelf[class]);
        abandon_others(&heap->shelf[class]);
    }
    heap_set_waiting(heap, 0);
}

/* So it can serve, and if it is wholly free, little memory waits in it. */
static bool was_used_little(const struct page *page)
{
    return page->units == 1 && (size_t)page->issued * page->size <= PARKED_ISSUED;
}

bool cairn__heap_abandon_most(struct heap *heap)
{
    bool some = false;
    int64_t waiting = 0;
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        struct shelf *shelf = &heap->shelf[class];
        struct page *page = shelf->active;
        if (page != NULL && was_used_little(page)) {
            some = true;
            waiting += (int64_t)page_free_count(page) * page->size;
        } else {
            abandon_active(shelf);
        }
        abandon_others(shelf);
    }
    heap_set_waiting(heap, waiting);
    return some;
}
