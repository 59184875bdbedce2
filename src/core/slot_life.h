/* SPDX-License-Identifier: MIT */
/*
 * From a slot's issue to its retirement, in the hardened build: the straight lines of its malloc and
 * free. Whatever is found wrong goes to slot.c.
 */
#ifndef CAIRN_CORE_SLOT_LIFE_H
#define CAIRN_CORE_SLOT_LIFE_H

#include "core/contents.h"
#include "core/slot.h"
#include "core/tag.h"

#if SLOTTED

/* ---- issue ---- */

/* Blocks of no bytes cannot be looked at, nor written to. */
static inline bool page_has_bytes(const struct page *page)
{
    return LIKELY(page->class != CLASS_ZERO);
}

/* Blocks of more than this are touched when they are issued, smaller ones when they are first drawn. */
enum { TOUCH_MANY = 1024 };

/*
 * Memory that the system has not given yet, and that is read first, costs twice: it gives a page of
 * zeros to share for the read, and takes it away for the write, in all processors. So it is asked for
 * by what is a write to the processor, but changes nothing. (server: half as many requests a second without it.)
 */
void cairn__slot_touch(char *from, const char *to);

/* Makes a block that a bin gave one of `size` bytes: checks that it is still zero. The pointer for the
 * program. */
static ALWAYS_INLINE void *slot_issue(const struct page *page, size_t at, size_t size,
                                      enum family family)
{
    char *block = page->start + at * page->size;
    size_t slack = page->size - size;
    void *issued = block;
    if (page_has_bytes(page)) {
        if (UNLIKELY(page->size > TOUCH_MANY))
            cairn__slot_touch(block, block + page->size);
        if (UNLIKELY(!is_zero(block, page->size)))
            cairn__slot_written(page, block);
        set_canary(page, block, slack);
        issued = tag_issue(page, at, block, size);
    }
    slot_set(
        page, at,
        (uint16_t)(SLOT_LIVE | (unsigned)family << SLOT_FAMILY_SHIFT | slack << SLOT_SLACK_SHIFT));
    return issued;
}

/* ---- the blocks beside one ---- */

/*
 * What lies beside a block that is freed by its page's owner, as far as 32 bytes away: free blocks
 * must be zero there (they stay so until the owner hands them out), and the block before, if in use,
 * must have its canary; it may be freed by another thread while we look, which its slot tells.
 */

/* The canary of a block that others may free or resize meanwhile. */
void cairn__slot_look_at_live(const struct page *page, size_t at);

static ALWAYS_INLINE void look_before(const struct page *page, size_t at)
{
    uint16_t slot = slot_load(page, at);
    const char *block = page->start + at * page->size;
    if (slot_is_zero(slot)) {
        if (UNLIKELY(!ends_in_zeros(block, page->size)))
            cairn__slot_written(page, block);
    } else if (slot_state(slot) == SLOT_LIVE &&
               UNLIKELY(!has_canary(page, block, slot >> SLOT_SLACK_SHIFT))) {
        cairn__slot_look_at_live(page, at);
    }
}

static ALWAYS_INLINE void look_behind(const struct page *page, size_t at)
{
    const char *block = page->start + at * page->size;
    if (slot_is_zero(slot_load(page, at)) && UNLIKELY(!begins_with_zeros(block, page->size)))
        cairn__slot_written(page, block);
}

static ALWAYS_INLINE void look_around(const struct page *page, size_t at)
{
    bool is_short = UNLIKELY(page->size < 32);
    if (LIKELY(at >= 1))
        look_before(page, at - 1);
    if (LIKELY(at + 1 < page->capacity))
        look_behind(page, at + 1);
    if (is_short && at >= 2)
        look_before(page, at - 2);
    if (is_short && at + 2 < page->capacity)
        look_behind(page, at + 2);
}

/* ---- retire ---- */

/* From LIVE to FREEING; false: somebody else was quicker. */
static inline bool slot_claim(struct page *page, size_t at, uint16_t slot)
{
    uint16_t freeing = (uint16_t)((slot & ~SLOT_STATE) | SLOT_FREEING);
    if (!has_threads()) {
        atomic_store_explicit(&page->slots[at], freeing, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong_explicit(&page->slots[at], &slot, freeing,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/*
 * Ends the life of the block at ptr, which is as the program gave it, or aborts: it is not in use, or
 * not as the caller says, or was written beyond. The page does not count it yet. own: it is a page of the caller's heap, where
 * it can also be seen whether the blocks beside it were written to.
 */
static ALWAYS_INLINE void slot_retire(struct page *page, void *ptr, size_t size, enum family family,
                                      bool own)
{
    char *block = tag_strip(ptr);
    size_t at = slot_of(page, block);
    uint16_t slot = LIKELY(at < page->capacity) ? slot_load(page, at) : SLOT_FREE;
    unsigned expected = SLOT_LIVE | (unsigned)family << SLOT_FAMILY_SHIFT;
    if (UNLIKELY((slot & ((1 << SLOT_SLACK_SHIFT) - 1)) != expected) || tag_is_other(page, at, ptr))
        cairn__slot_unexpected(page, ptr, slot, family);
    if (UNLIKELY(size != SIZE_UNKNOWN && size != slot_size(page, slot)))
        cairn__slot_other_size(page, ptr, slot, size);
    if (UNLIKELY(!slot_claim(page, at, slot)))
        cairn__slot_not_live("free of", page, ptr);
    if (page_has_bytes(page)) {
        size_t slack = slot >> SLOT_SLACK_SHIFT;
        tags_pause();
        if (UNLIKELY(!has_canary(page, block, slack) || !has_clean_slack(page, block, slack)))
            cairn__slot_overflowed(page, block, slot);
        if (own && LIKELY(cairn__harden != HARDEN_FAST))
            look_around(page, at);
        tags_resume();
        clear_used(block, page->size);
    }
    slot_set(page, at, slot_freed_at(ticks()));
}

/* The block was freed by its page's owner: it is looked at a little later. */
static inline void slot_watch(struct heap *heap, void *ptr)
{
    heap->watched[heap->watched_next++ % WATCHED_FREES] = ptr;
}

#endif
#endif
