/* SPDX-License-Identifier: MIT */
/*
 * See recent.h. A slot holds the page's address and, in the bits that its alignment leaves, how many
 * units it has: a look at all slots touches one cache line.
 */
#include "core/recent.h"

#include "base/option.h"
#include "core/registry.h"

static struct page *page_in(uintptr_t slot)
{
    return (struct page *)(slot & ~(uintptr_t)RECENT_UNITS_MAX);
}

static size_t units_in(uintptr_t slot)
{
    return slot & RECENT_UNITS_MAX;
}

static uintptr_t look(struct heap *heap, unsigned at)
{
    return atomic_load_explicit(&heap->recent[at], memory_order_relaxed);
}

/* How many units a heap may keep. */
static size_t room(void)
{
    size_t most = cairn__option(OPTION_LARGE_CACHE) / UNIT_SIZE;
    if (cairn__option(OPTION_PURGE_DELAY) == 0)
        return 0;
    /* Rounded up to a power of two: all together do not exceed it. */
    return most >> log2_floor(2 * size_max(cairn__registry_live(), 1) - 1);
}

static void give(uintptr_t slot)
{
    if (slot != 0)
        cairn__page_give(page_in(slot));
}

static void evict(struct heap *heap, unsigned at)
{
    /* Acquire: whoever put it in has finished with it. */
    if (look(heap, at) != 0)
        give(atomic_exchange_explicit(&heap->recent[at], 0, memory_order_acquire));
}

void cairn__recent_put(struct heap *heap, struct page *page)
{
    size_t most = room();
    if (page->units > size_min(most, RECENT_UNITS_MAX)) {
        cairn__page_give(page);
        return;
    }
    /* Round and round: the slot that comes next holds what was put in first. */
    unsigned at = heap->recent_next;
    evict(heap, at);
    heap->recent_next = (uint8_t)((at + 1) % RECENT_ROWS);
    size_t total = page->units;
    for (unsigned i = 0; i < RECENT_ROWS; i++)
        total += units_in(look(heap, i));
    atomic_store_explicit(&heap->recent[at], (uintptr_t)page | page->units, memory_order_release);
    for (unsigned i = heap->recent_next; total > most && i != at; i = (i + 1) % RECENT_ROWS) {
        total -= units_in(look(heap, i));
        evict(heap, i);
    }
}

struct page *cairn__recent_take(struct heap *heap, size_t units)
{
    size_t best = units + units / RECENT_SLACK + 1;
    uintptr_t found = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < RECENT_ROWS; i++) {
        uintptr_t slot = look(heap, i);
        if (units_in(slot) >= units && units_in(slot) < best) {
            best = units_in(slot);
            found = slot;
            at = i;
            if (best == units)
                break;
        }
    }
    if (found == 0 || !atomic_compare_exchange_strong_explicit(
                          &heap->recent[at], &found, 0, memory_order_acquire, memory_order_relaxed))
        return NULL;
    struct page *page = page_in(found);
    page->clean = false;
    atomic_store_explicit(&page->owner, OWNER_LARGE, memory_order_relaxed);
    return page;
}

bool cairn__recent_flush(struct heap *heap)
{
    bool some = false;
    for (unsigned i = 0; i < RECENT_ROWS; i++)
        if (look(heap, i) != 0) {
            some = true;
            evict(heap, i);
        }
    return some;
}

bool cairn__recent_flush_all(void)
{
    bool some = false;
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        some |= cairn__recent_flush(heap);
    return some;
}
