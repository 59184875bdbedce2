/* SPDX-License-Identifier: MIT */
/*
 * What the hardened build has in blocks of pages: zeros in those that are free, a canary behind what was
 * asked for in those in use. Nothing here calls memset or its kin, which look at blocks themselves.
 */
#ifndef CAIRN_CORE_CONTENTS_H
#define CAIRN_CORE_CONTENTS_H

#include "core/page.h"
#include "os/os.h"
#include "os/tags.h"

#if SLOTTED

typedef uint64_t words __attribute__((vector_size(16), may_alias));
typedef uint64_t loose_word __attribute__((may_alias, aligned(1)));

/* ---- zeros ---- */

static inline bool words_are_zero(words sum)
{
    return LIKELY((sum[0] | sum[1]) == 0);
}

/*
 * Blocks are a multiple of 16 bytes long, and aligned as well. They are gone through by 64 bytes, the last
 * of which may overlap with those before; of less than 64 there are three words, or two, or one.
 */
static inline words or_of_64(const words *at)
{
    return (at[0] | at[1]) | (at[2] | at[3]);
}

static ALWAYS_INLINE bool is_zero(const char *block, size_t size)
{
    const words *first = (const words *)block, *last = (const words *)(block + size) - 1;
    if (size < 64)
        return words_are_zero(first[0] | *last | first[size / 32]);
    words sum = or_of_64(last - 3);
    for (const words *at = first; at < last - 3; at += 4)
        sum |= or_of_64(at);
    return words_are_zero(sum);
}

/* The same of the last 32 bytes, if there are so many. */
static ALWAYS_INLINE bool ends_in_zeros(const char *block, size_t size)
{
    const char *end = block + size;
    return words_are_zero(*(const words *)(end - 16) | *(const words *)(end - size_min(size, 32)));
}

static ALWAYS_INLINE bool begins_with_zeros(const char *block, size_t size)
{
    const words *first = (const words *)block;
    return words_are_zero(first[0] | first[size >= 32]);
}

static inline void clear_64(words *at)
{
    at[0] = at[1] = at[2] = at[3] = (words){0, 0};
    __asm__ volatile("" : : : "memory"); /* or a compiler makes a memset of several */
}

static ALWAYS_INLINE void clear(char *block, size_t size)
{
    enum { SHORT = 512 };
    if (UNLIKELY(size > SHORT)) {
        cairn__os_clear(block, size);
        return;
    }
    words *first = (words *)block, *last = (words *)(block + size) - 1;
    if (size < 64) {
        first[0] = *last = first[size / 32] = (words){0, 0};
        return;
    }
    clear_64(last - 3);
    for (words *at = first; at < last - 3; at += 4)
        clear_64(at);
}

/* The same of a block that was in use, which leaves it without a tag. */
static ALWAYS_INLINE void clear_used(char *block, size_t size)
{
    if (tags_on())
        cairn__tag_wipe(block, size);
    else
        clear(block, size);
}

/* ---- canaries ---- */

/*
 * Eight bytes of the page's secret right behind what was asked for, as many of them as there is room
 * for; the rest of the slack stays zero. None of the eight is zero but the second: who reads a
 * string beyond its block comes to an end there, and a zero written behind a string is seen.
 */
struct canary {
    loose_word *at;
    uint64_t bits; /* of the word there, but for the lowest `shift` */
    unsigned shift;
};

/* How much slack lies beyond the canary. */
static inline size_t beyond_canary(size_t slack)
{
    ptrdiff_t beyond = (ptrdiff_t)slack - 8;
    return (size_t)(beyond & ~(beyond >> 63)); /* no branch */
}

static inline struct canary canary_of(const struct page *page, const char *block, size_t slack)
{
    size_t beyond = beyond_canary(slack);
    unsigned shift = (unsigned)(64 - 8 * (slack - beyond));
    return (struct canary){(loose_word *)(block + page->size - 8 - beyond), page->secret << shift,
                           shift};
}

static inline void set_canary(const struct page *page, char *block, size_t slack)
{
    struct canary canary = canary_of(page, block, slack);
    *canary.at |= canary.bits;
}

static inline bool has_canary(const struct page *page, const char *block, size_t slack)
{
    struct canary canary = canary_of(page, block, slack);
    return LIKELY((*canary.at ^ canary.bits) >> canary.shift == 0);
}

/* The slack beyond the canary is zero. */
static inline bool has_clean_slack(const struct page *page, const char *block, size_t slack)
{
    size_t beyond = beyond_canary(slack);
    const loose_word *end = (const loose_word *)(block + page->size);
    uint64_t sum = 0;
    for (; UNLIKELY(beyond >= 8); beyond -= 8)
        sum |= *--end;
    /* The last few bytes of a word, by two shifts: of all eight there may be none. */
    return LIKELY((sum | end[-1] >> 8 >> 8 * (7 - beyond)) == 0);
}

#endif
#endif
