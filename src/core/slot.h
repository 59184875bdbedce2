/* SPDX-License-Identifier: MIT */
/*
 * Slots: what the hardened build knows of each block of a page, in a word apart from all blocks.
 *
 *     bits 0, 1    FREE; DRAWN: in a bin, or on its way from there; LIVE: the program's; FREEING: a
 *                  thread is about to make it FREE
 *     bits 2, 3    in use: the family of functions that allocated it
 *     bits 4 - 15  in use: bytes of the block beyond those asked for, which hold the canary
 *                  free: the tick at which it was freed (age.h), as far as 12 bits tell
 *
 * A slot goes from FREE to DRAWN by its page's owner, to LIVE by who got the block, from LIVE to FREEING
 * by a compare-and-swap of whoever frees it, so that of two threads one is told; and to FREE when the
 * block has been cleared. So a free block reads as zero, always, and who finds something else in one knows that it
 * was written to after it had been freed.
 */
#ifndef CAIRN_CORE_SLOT_H
#define CAIRN_CORE_SLOT_H

#include "base/option.h"
#include "core/age.h"
#include "core/heap.h"

enum slot_state { SLOT_FREE, SLOT_LIVE, SLOT_FREEING, SLOT_DRAWN };

enum family {
    FAMILY_MALLOC,
    FAMILY_NEW,
    FAMILY_NEW_ARRAY,
    FAMILY_ANY, /* of a free: not told, and not compared */
};

enum { SLOT_STATE = 3, SLOT_FAMILY_SHIFT = 2, SLOT_SLACK_SHIFT = 4, SLACK_MAX = 4095 };

/* What a free or a resize may tell of a block's size. */
#define SIZE_UNKNOWN SIZE_MAX

/* OPTION_HARDEN, where it is needed often. */
extern HIDDEN uint8_t cairn__harden;

#if SLOTTED

static inline uint16_t slot_load(const struct page *page, size_t at)
{
    /* Acquire: who made it free has cleared it before. */
    return atomic_load_explicit(&page->slots[at], memory_order_acquire);
}

static inline enum slot_state slot_state(uint16_t slot)
{
    return (enum slot_state)(slot & SLOT_STATE);
}

/* The block reads as zero. */
static inline bool slot_is_zero(uint16_t slot)
{
    return slot_state(slot) == SLOT_FREE || slot_state(slot) == SLOT_DRAWN;
}

static inline void slot_set(const struct page *page, size_t at, uint16_t slot)
{
    atomic_store_explicit(&page->slots[at], slot, memory_order_release);
}

static inline uint16_t slot_freed_at(uint32_t tick)
{
    return (uint16_t)(SLOT_FREE | tick << SLOT_SLACK_SHIFT);
}

/* A free one has waited long enough. (Rarely one that has waited for much longer seems not to have.) */
static inline bool slot_is_ripe(uint16_t slot, uint32_t now, uint32_t wait)
{
    return ((now - (slot >> SLOT_SLACK_SHIFT)) & SLACK_MAX) >= wait;
}

static inline enum family slot_family(uint16_t slot)
{
    return (enum family)(slot >> SLOT_FAMILY_SHIFT & 3);
}

/* Bytes asked for. */
static inline size_t slot_size(const struct page *page, uint16_t slot)
{
    return page->size - (slot >> SLOT_SLACK_SHIFT);
}

/* The number of the block that begins at ptr; page->capacity: none does. ptr: in the page's units, without
 * a tag. */
static inline size_t slot_of(const struct page *page, const void *ptr)
{
    size_t offset = (size_t)((const char *)ptr - page->start);
    size_t at = (size_t)(offset * page->factor >> SLOT_FACTOR_SHIFT);
    return LIKELY(at * page->size == offset && at < page->capacity) ? at : page->capacity;
}

/* ---- what is wrong ---- */

/* A free block that does not read as zero. */
_Noreturn COLD void cairn__slot_written(const struct page *page, const char *block);
/* One in use, behind which there is something else than its canary. */
_Noreturn COLD void cairn__slot_overflowed(const struct page *page, const char *block,
                                           uint16_t slot);
/* There is no block in use that begins at ptr, or not the one that ptr is of. what: "free of", say. */
_Noreturn COLD void cairn__slot_not_live(const char *what, const struct page *page,
                                         const void *ptr);
/* Not in use, or the pointer has another tag, or of another family: returns if there is nothing wrong at this level. */
COLD void cairn__slot_unexpected(const struct page *page, const void *ptr, uint16_t slot,
                                 enum family family);
_Noreturn COLD void cairn__slot_other_size(const struct page *page, const void *ptr, uint16_t slot,
                                           size_t size);

/* ---- sizes ---- */

/* Bytes asked for, of a block in use, by the program's pointer to it; else aborts, and says what was
 * tried: "realloc of". */
size_t cairn__slot_size(const struct page *page, const void *ptr, const char *what);

/* The block in use at ptr is to hold `size` bytes. False: it cannot. */
bool cairn__slot_resize(struct page *page, void *ptr, size_t size);

/* ---- looking on ---- */

/* Looks at the blocks that the heap's thread freed last: aborts if one was written to. */
void cairn__slots_watch(struct heap *heap);

/* The same of the one that it freed last. */
void cairn__slots_watch_last(struct heap *heap);

/* Looks at every block of a page of the caller's: free ones, and the canaries of those in use. */
void cairn__slots_sweep(const struct page *page);

#else

static inline void cairn__slots_watch(struct heap *heap)
{
    (void)heap;
}

#endif
#endif
