/* SPDX-License-Identifier: MIT */
/* See fence.h. */
#include "core/fence.h"

#include "core/contents.h"
#include "core/crime.h"
#include "core/secret.h"
#include "os/os.h"

#if SLOTTED

static char *base_of(const struct page *page)
{
    return page->start - (uintptr_t)page->start % UNIT_SIZE;
}

/* So that what can be accessed ends there, with a guard behind. */
static size_t units_up_to(const struct page *page, const char *end)
{
    size_t size = (size_t)(end - base_of(page)) + GUARD_BYTES;
    return (size + UNIT_SIZE - 1) >> UNIT_SHIFT;
}

/* Where what can be accessed ends. */
static char *end_of(const struct page *page, size_t size)
{
    return (char *)round_up((uintptr_t)page->start + size + CANARY_LEAST, cairn__os_page_size());
}

/* As in small blocks: the second byte is zero, the first is not. */
static char canary_byte(const struct page *page, size_t at)
{
    return at == 1 ? 0 : (char)(page->secret >> 8 * (at % 8));
}

static void fill(const struct page *page, char *from, const char *to)
{
    size_t at = 0;
    for (; at < 8 && from + at < to; at++)
        from[at] = canary_byte(page, at);
    for (; from + at + 8 <= to; at += 8)
        *(loose_word *)(from + at) = page->secret;
    for (; from + at < to; at++)
        from[at] = canary_byte(page, at);
}

/* The first byte that is not as it was; `to`: none. */
static const char *wrong_in(const struct page *page, const char *from, const char *to)
{
    size_t at = 0;
    for (; at < 8 && from + at < to; at++)
        if (UNLIKELY(from[at] != canary_byte(page, at)))
            return from + at;
    while (from + at + 8 <= to && LIKELY(*(const loose_word *)(from + at) == page->secret))
        at += 8;
    for (; from + at < to; at++)
        if (UNLIKELY(from[at] != canary_byte(page, at)))
            return from + at;
    return to;
}

void cairn__fence_open(struct page *page, size_t size, size_t align)
{
    size_t os_page = cairn__os_page_size();
    char *base = page->start;
    char *end = base + round_up(size + CANARY_LEAST, os_page);
    size_t left = (size_t)(end - base) - size - CANARY_LEAST;
    cairn__os_unguard(base, (size_t)(end - base));
    if (!page->clean)
        cairn__os_clear(base, (size_t)(end - base));
    page->secret = cairn__secret() | 0x0101010101010101u;
    page->start = base + round_down(left, size_max(align, 16));
    fill(page, base, page->start);
    fill(page, page->start + size, end);
}

void cairn__fence_check(const struct page *page)
{
    size_t size = fence_size(page);
    const char *base = base_of(page), *behind = page->start + size, *end = end_of(page, size);
    const char *before = wrong_in(page, base, page->start), *after = wrong_in(page, behind, end);
    if (UNLIKELY(before != page->start))
        cairn__crime((struct crime){.what = "underflow of",
                                    .ptr = page->start,
                                    .detail = ", byte ",
                                    .number = (size_t)(page->start - before),
                                    .more = " before it",
                                    .page = page,
                                    .size = size});
    if (UNLIKELY(after != end))
        cairn__crime((struct crime){.what = "overflow of",
                                    .ptr = page->start,
                                    .detail = ", byte ",
                                    .number = (size_t)(after - behind) + 1,
                                    .more = " behind it",
                                    .page = page,
                                    .size = size});
}

void cairn__fence_close(struct page *page)
{
    cairn__fence_check(page);
    cairn__page_close(page);
}

/* Opens more of the page's units, or takes further ones. False: there are none. */
static bool reach(struct page *page, char *before, char *after)
{
    size_t units = units_up_to(page, after);
    if (units > page->units && !cairn__page_resize_large(page, units))
        return false;
    cairn__os_unguard(before, (size_t)(after - before));
    if (!page->clean)
        cairn__os_clear(before, (size_t)(after - before));
    return true;
}

bool cairn__fence_move(struct page *page, size_t size)
{
    char *behind = page->start + fence_size(page);
    char *before = end_of(page, fence_size(page)), *after = end_of(page, size);
    cairn__fence_check(page);
    if (after > before && !reach(page, before, after))
        return false;
    if (after < before) {
        size_t bytes = (size_t)(before - after);
        page->clean = (cairn__os_guard(after, bytes) || cairn__os_purge(after, bytes)) &&
                      page->clean;
    }
    if (behind < after)
        cairn__os_clear(behind, (size_t)((after < before ? after : before) - behind));
    fill(page, page->start + size, after);
    return true;
}

#endif
