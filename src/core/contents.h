/* SPDX-License-Identifier: MIT */
/*
 * What the hardened build has in blocks of pages: zeros in those that are free, a canary behind what was
 * asked for in those in use. Nothing here calls memset or its kin, which look at blocks themselves.
 */
#ifndef CAIRN_CORE_CONTENTS_H
#define CAIRN_CORE_CONTENTS_H

#include "core/page.h"
#include "os/os.h"

#if SLOTTED

typedef uint64_t words __attribute__((vector_size(16), may_alias));
typedef uint64_t loose_word __attribute__((may_alias, aligned(1)));

/* ---- zeros ---- */

static inline bool words_are_zero(words sum)
{
    return LIKELY((sum[0] | sum[1]) == 0);
}

/* size: a multiple of 16, and so the block's alignment; at least 16. */
static inline bool is_zero(const char *block, size_t size)
{
    const words *at = (const words *)block, *end = (const words *)(block + size);
    words sum = *at;
    for (at += size / 16 % 4; at < end; at += 4)
        sum |= (at[0] | at[1]) | (at[2] | at[3]);
    /* What the steps of four have left over: the first one, two or three. */
    if ((size & 32) != 0)
        sum |= ((const words *)block)[1];
    if ((size & 48) == 48)
        sum |= ((const words *)block)[2];
    return words_are_zero(sum);
}

/* The same of exactly `count` words of 16 bytes. */
static inline bool is_zero_16(const char *at)
{
    return words_are_zero(*(const words *)at);
}

static inline bool is_zero_32(const char *at)
{
    return words_are_zero(((const words *)at)[0] | ((const words *)at)[1]);
}

static inline void clear(char *block, size_t size)
{
    enum { SHORT = 512 };
    if (UNLIKELY(size > SHORT)) {
        cairn__os_clear(block, size);
        return;
    }
    words zero = {0, 0}, *at = (words *)block, *end = (words *)(block + size);
    do {
        *at++ = zero;
        __asm__ volatile("" : : : "memory"); /* or a compiler makes it a memset */
    } while (at < end);
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

static inline struct canary canary_of(const struct page *page, const char *block, size_t slack)
{
    unsigned shift = (unsigned)(8 * (8 - size_min(slack, 8)));
    return (struct canary){(loose_word *)(block + page->size - size_max(slack, 8)),
                           page->secret << shift, shift};
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
    const loose_word *end = (const loose_word *)(block + page->size);
    uint64_t sum = 0;
    for (; slack >= 16; slack -= 8)
        sum |= *--end;
    if (slack > 8)
        sum |= end[-1] >> 8 * (16 - slack);
    return LIKELY(sum == 0);
}

#endif
#endif
