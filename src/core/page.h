/* SPDX-License-Identifier: MIT */
/*
 * A page: one to sixteen units cut into equal blocks, or a single large block of any number of
 * units. Its descriptor, one cache line, lies apart from the blocks; the line of a page's first unit
 * describes it, those of its other units only say how far back that one is.
 *
 * One number, `needed`, counts frees down to the next event, whatever that is; so a free tests one
 * thing. Free blocks are linked through their first word. For pages of blocks, always:
 *
 *     free blocks in the list      f = asleep ? wake - needed : issued - needed   (active: below)
 *     blocks in use (or in a bin)    = issued - f
 *     blocks never handed out        = capacity - issued
 *
 * Life: taken from the pool -> ACTIVE (the page its heap allocates from) -> ASLEEP (no blocks left;
 * nobody looks at it until `wake` blocks have come back) -> LISTED (can serve again) -> ACTIVE, or
 * to the pool when all blocks are back. Of a thread that ends, pages with free blocks are SHELVED in
 * the depot, but for active ones that wait in its heap for the next thread; full ones, and those that
 * stay asleep for long, lose their owner and belong to the first thread that frees one of their blocks.
 */
#ifndef CAIRN_CORE_PAGE_H
#define CAIRN_CORE_PAGE_H

#include "core/batch.h"
#include "core/block.h"
#include "core/chunk.h"
#include "core/class.h"

struct heap;

enum page_state { PAGE_NONE, PAGE_ACTIVE, PAGE_ASLEEP, PAGE_LISTED, PAGE_SHELVED, PAGE_LARGE };

/* Owners that are no heap. NULL: the unit is not in use. */
#define OWNER_COLD     ((struct heap *)8)  /* asleep; the first to free a block adopts it */
#define OWNER_DEPOT    ((struct heap *)16) /* shelved; under the depot's lock */
#define OWNER_LARGE    ((struct heap *)24) /* one large block; whoever frees it returns it */
#define OWNER_KEPT     ((struct heap *)32) /* was LARGE, and is kept to be it again */
#define OWNER_INTERIOR ((struct heap *)40) /* a unit of a page that began `offset` units before */

static inline bool owner_is_heap(const struct heap *owner)
{
    return (uintptr_t)owner > (uintptr_t)OWNER_INTERIOR;
}

struct page {
    /*
     * Read by any thread that frees one of the page's blocks. A heap gives its page away only to
     * OWNER_COLD or OWNER_DEPOT, by a release store; COLD changes only by an acquiring
     * compare-and-swap of an adopter, DEPOT only under the depot's lock; so each new owner sees all
     * that the last one wrote below. The swap and the depot's store also release: who then finds a
     * heap here, by an acquire load, finds it whole.
     */
    _Atomic(struct heap *) owner;

    /* The owner's alone. */
    void *free;      /* blocks that came back, last first */
    uint32_t needed; /* frees until the next event; of a large block the bytes nobody asked for */

    /* Set when the page is taken; stable while any of its blocks is in use. */
    uint32_t size; /* of a block; 0 for a large one */

    /* The owner's alone. */
    struct page *next; /* in the list that its state names */
    struct page *prev;

    /* Set when the page is taken. */
    char *start;       /* the first block */
    uint16_t capacity; /* blocks */

    uint16_t issued; /* blocks ever handed out; the owner's alone */

    /* Set when the page is taken. */
    uint16_t units;
    uint8_t class;
    uint8_t wake;       /* free blocks that end its sleep */
    bool clean;         /* blocks never handed out read as zero */
    page_offset offset; /* of an interior unit: units back to the first */

    _Atomic uint8_t state; /* the owner writes it; figures.c reads it */
    bool separate;         /* of a separate heap; set when the page is taken */

    /* Asleep: `needed` when last looked at, to tell whether the page cooled down. */
    uint32_t needed_before;

#if SLOTTED
    uint16_t cursor; /* slots before it have had their turn; the owner's alone */
    uint32_t since;  /* the tick when it was listed, or began its turn; the owner's alone */

    /* Set when the page is taken for the first time. */
    uint8_t family; /* of a large block */
    bool guarded;   /* guard.h */
    _Atomic uint16_t *slots;
    uint64_t factor; /* number of a block = its offset * factor >> SLOT_FACTOR_SHIFT */
    uint64_t secret;

    struct batch batch;
#endif
} ALIGNED(PAGE_BYTES);
_Static_assert(sizeof(struct page) == PAGE_BYTES, "one cache line; regions are laid out by this");

static inline struct heap *page_owner(const struct page *page)
{
    return atomic_load_explicit(&page->owner, memory_order_relaxed);
}

static inline enum page_state page_state(const struct page *page)
{
    return atomic_load_explicit(&page->state, memory_order_relaxed);
}

static inline void page_set_state(struct page *page, enum page_state state)
{
    atomic_store_explicit(&page->state, (uint8_t)state, memory_order_relaxed);
}

/* The descriptor of the unit that ptr is in; NULL if no region holds it. Any pointer. */
static inline struct page *page_near(const void *ptr)
{
    size_t offset = window_offset(ptr);
    if (LIKELY(offset < window_size()))
        return &cairn__window.pages[offset >> UNIT_SHIFT];
    /* A block handed over by address alone (as RCU does) may come with a size read too early: once
     * more, after the pointer. */
    if (!CAIRN_TSAN) /* which does not know fences */
        atomic_thread_fence(memory_order_acquire);
    if (UNLIKELY(offset < window_size()))
        return &cairn__window.pages[offset >> UNIT_SHIFT];
    struct region *region = region_outside_window(ptr);
    return region == NULL ? NULL : &region->pages[((uintptr_t)ptr - region->base) >> UNIT_SHIFT];
}

/* The page of a block in use. */
static inline struct page *page_of(const void *block)
{
    struct page *page = page_near(block);
    return page_owner(page) == OWNER_INTERIOR ? page - page->offset : page;
}

/* Exact for offsets below 2^20 and blocks of 16 bytes or more. */
enum { SLOT_FACTOR_SHIFT = 40 };

/* ---- blocks ---- */

/* Nothing is to happen when all blocks of the active page are back: its count never gets to 0. */
#define ACTIVE_NEEDED ((uint32_t)1 << 20)

/* What `needed` is in a state when no block is free. */
static inline uint32_t page_needed_when_full(const struct page *page, enum page_state state)
{
    if (state == PAGE_ACTIVE)
        return page->issued + ACTIVE_NEEDED;
    return state == PAGE_ASLEEP ? page->wake : page->issued;
}

static inline uint32_t page_free_count_in(const struct page *page, enum page_state state)
{
    uint32_t count = page_needed_when_full(page, state) - page->needed;
    /* With slots a block may be handed out again before the page's owner was told that it is free. */
    return SLOTTED && (int32_t)count < 0 ? 0 : count;
}

/* Free blocks in the page's list. */
static inline uint32_t page_free_count(const struct page *page)
{
    return page_free_count_in(page, page_state(page));
}

/* Goes over from one state to another. */
static inline void page_change(struct page *page, enum page_state from, enum page_state to)
{
    page->needed += page_needed_when_full(page, to) - page_needed_when_full(page, from);
    page_set_state(page, to);
}

/* The same, from whatever state it is in. */
static inline void page_recount(struct page *page, enum page_state to)
{
    page_change(page, page_state(page), to);
}

/*
 * Freed blocks come back, first to last linked; where they are known by their slots the page's count
 * is all that changes, and these functions have nothing to do.
 */
static inline void page_link(struct page *page, void *first, void *last)
{
    if (SLOTTED)
        return;
    block_set_next(last, page->free);
    page->free = first;
}

/* Frees a block. True: the countdown has come to zero, and the heap must see to the page. */
static inline bool page_free_block(struct page *page, void *block)
{
    page_link(page, block, block);
    /* The count last: a fork in between has lost a block; the other way, a block has two owners. */
    atomic_signal_fence(memory_order_seq_cst);
    return --page->needed == 0;
}

/* Takes the whole list of the active page's free blocks; they count as in use. */
static inline void *page_take_free(struct page *page)
{
    void *list = page->free;
    page->free = NULL;
    page->needed = page->issued + ACTIVE_NEEDED;
    return list;
}

/*
 * Hands out blocks for the first time, about EXTEND_BYTES of them, as a list. There must be some.
 */
void *cairn__page_extend(struct page *page);

/* ---- pages ---- */

/* A page of the class, nothing handed out yet, owned as said; NULL when out of memory. */
struct page *cairn__page_take(unsigned class, struct heap *owner);
/* The same of a page that was disowned before, and of its class; NULL: it cannot be opened. */
struct page *cairn__page_reopen(struct page *page, struct heap *owner);

/* A page of one large block; its owner is OWNER_LARGE. */
struct page *cairn__page_take_large(size_t units, bool chunk_aligned);
/* The same, of what the pool has: no system call is made for it. */
struct page *cairn__page_find_large(size_t units, bool chunk_aligned);

/* The same, where units behind it are free: `room` in all, if there is such a place. */
struct page *cairn__page_take_roomy(size_t units, size_t room);

/* Changes the size of a page of one large block where it lies, if the units behind it allow it. */
bool cairn__page_resize_large(struct page *page, size_t units);

/* Back to the pool. None of its blocks is in use. */
void cairn__page_give(struct page *page);

/* Parts of that, hardened, after page_access.h's first: nobody owns it any more, nor does it count; the pool
 * has it (and nobody owns it). */
void cairn__page_disown(struct page *page);
void cairn__page_give_closed(struct page *page);

#endif
