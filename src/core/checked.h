/* SPDX-License-Identifier: MIT */
/*
 * What the checked build looks at when a pointer comes in: that a block begins there, and is in use. It
 * finds, at once and always: double frees, until the block is handed out again or its first 16 bytes are
 * overwritten (which is found when it is handed out); frees, and realloc and questions of size, of
 * pointers into blocks and to what is none. (Of a batch of 16-byte blocks on its way to another thread
 * one has no proof: freed again, it is found when it would be handed out for the second time.)
 *
 * In the other builds these functions do nothing.
 */
#ifndef CAIRN_CORE_CHECKED_H
#define CAIRN_CORE_CHECKED_H

#include "core/page.h"

#if CHECKED

/* Says what is wrong with ptr in a page of blocks. */
_Noreturn COLD void cairn__checked_not_live(const char *what, const struct page *page,
                                            const void *ptr);

/* The same of a pointer to where no block begins, or none is ours; of huge and large blocks. */
_Noreturn COLD void cairn__checked_no_block(const char *what, const void *ptr);

/* Draws the number that proofs are made with; before the first block is. */
void cairn__checked_start(void);

/*
 * ptr: into a page of blocks. One of the first `count` begins there, and it is in use; or the process
 * aborts. Whether a multiple of the size it is, without a division: Lemire, Kaser and Kurz, "Faster
 * Remainder by Direct Computation" (2019).
 */
static inline void check_live(const char *what, const struct page *page, const void *ptr,
                              uint32_t count)
{
    size_t offset = (size_t)((const char *)ptr - page->start);
    uint64_t factor = cairn__class_factors[page->class];
    if (UNLIKELY(offset >= (size_t)count * page->size || offset * factor >= factor ||
                 block_is_free(ptr)))
        cairn__checked_not_live(what, page, ptr);
}

/* Of a page of the caller's. */
static inline void check_own(const char *what, const struct page *page, const void *ptr)
{
    check_live(what, page, ptr, page->issued);
}

/* Of a page of whoever's, of blocks or not; how many were handed out its owner alone knows. */
static inline void check_any(const char *what, const struct page *page, const void *ptr)
{
    struct heap *owner = page_owner(page);
    if (owner_is_heap(owner) || owner == OWNER_COLD || owner == OWNER_DEPOT)
        check_live(what, page, ptr, page->capacity);
    else if (owner == OWNER_LARGE && ptr != page->start)
        cairn__checked_no_block(what, ptr);
}

#else

static inline void check_own(const char *what, const struct page *page, const void *ptr)
{
    (void)what, (void)page, (void)ptr;
}

static inline void check_any(const char *what, const struct page *page, const void *ptr)
{
    (void)what, (void)page, (void)ptr;
}

#endif

#endif
