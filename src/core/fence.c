/* SPDX-License-Identifier: MIT */
/* See fence.h. */
#include "core/fence.h"

#include "core/contents.h"
#include "core/crime.h"
#include "core/page_access.h"
#include "core/secret.h"
#include "os/os.h"

#if SLOTTED

/* As in small blocks: the second byte is zero, the first is not. */
static char canary_byte(const struct fence *fence, size_t at)
{
    return at == 1 ? 0 : (char)(fence->secret >> 8 * (at % 8));
}

static void fill(const struct fence *fence, char *from, const char *to)
{
    size_t at = 0;
    for (; at < 8 && from + at < to; at++)
        from[at] = canary_byte(fence, at);
    for (; from + at + 8 <= to; at += 8)
        *(loose_word *)(from + at) = fence->secret;
    for (; from + at < to; at++)
        from[at] = canary_byte(fence, at);
}

/* The first byte that is not as it was; `to`: none. */
static const char *wrong_in(const struct fence *fence, const char *from, const char *to)
{
    size_t at = 0;
    for (; at < 8 && from + at < to; at++)
        if (UNLIKELY(from[at] != canary_byte(fence, at)))
            return from + at;
    while (from + at + 8 <= to && LIKELY(*(const loose_word *)(from + at) == fence->secret))
        at += 8;
    for (; from + at < to; at++)
        if (UNLIKELY(from[at] != canary_byte(fence, at)))
            return from + at;
    return to;
}

void cairn__fence_fill(const struct fence *fence)
{
    fill(fence, fence->first, fence->start);
    fill(fence, fence->behind, fence->end);
}

static _Noreturn COLD void written(const struct fence *fence, const char *what, size_t number,
                                   const char *more)
{
    cairn__crime((struct crime){.what = what,
                                .ptr = fence->start,
                                .detail = ", byte ",
                                .number = number,
                                .more = more,
                                .own = fence->start,
                                .size = (size_t)(fence->behind - fence->start)});
}

void cairn__fence_look(const struct fence *fence)
{
    const char *before = wrong_in(fence, fence->first, fence->start);
    const char *after = wrong_in(fence, fence->behind, fence->end);
    if (UNLIKELY(before != fence->start))
        written(fence, "underflow of", (size_t)(fence->start - before), " before it");
    if (UNLIKELY(after != fence->end))
        written(fence, "overflow of", (size_t)(after - fence->behind) + 1, " behind it");
}

/* ---- of large blocks ---- */

static char *base_of(const struct page *page)
{
    return page->start - (uintptr_t)page->start % UNIT_SIZE;
}

/* Where what can be accessed ends. */
static char *end_of(const struct page *page, size_t size)
{
    return (char *)round_up((uintptr_t)page->start + size + CANARY_LEAST, cairn__os_page_size());
}

/* So that what can be accessed ends there, with a guard behind. */
static size_t units_up_to(const struct page *page, const char *end)
{
    size_t size = (size_t)(end - base_of(page)) + GUARD_BYTES;
    return (size + UNIT_SIZE - 1) >> UNIT_SHIFT;
}

static struct fence fence_of(const struct page *page, size_t size)
{
    return (struct fence){base_of(page), page->start, page->start + size, end_of(page, size),
                          page->secret};
}

bool cairn__fence_open(struct page *page, size_t size, size_t align)
{
    size_t os_page = cairn__os_page_size();
    char *base = page->start;
    char *end = base + round_up(size + CANARY_LEAST, os_page);
    size_t left = (size_t)(end - base) - size - CANARY_LEAST;
    if (!cairn__page_open_part(page, base, (size_t)(end - base)))
        return false;
    if (!page->clean)
        cairn__os_clear(base, (size_t)(end - base));
    cairn__page_close_rest(page, end);
    page->secret = cairn__secret() | 0x0101010101010101u;
    page->start = base + round_down(left, size_max(align, 16));
    struct fence fence = fence_of(page, size);
    cairn__fence_fill(&fence);
    return true;
}

void cairn__fence_check(const struct page *page)
{
    struct fence fence = fence_of(page, fence_size(page));
    cairn__fence_look(&fence);
}

void cairn__fence_close(struct page *page)
{
    cairn__fence_check(page);
    cairn__page_close(page);
}

/* Opens more of the page's units, or takes further ones. False: there are none. */
static bool reach(struct page *page, char *before, char *after)
{
    size_t units = units_up_to(page, after), had = page->units;
    if (units > had && !cairn__page_resize_large(page, units))
        return false;
    if (!cairn__page_open_part(page, before, (size_t)(after - before))) {
        if (units > had)
            cairn__page_resize_large(page, had);
        return false;
    }
    if (!page->clean)
        cairn__os_clear(before, (size_t)(after - before));
    cairn__page_close_rest(page, after);
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
        page->clean = (cairn__page_close_part(page, after, bytes) ||
                       cairn__os_purge(after, bytes)) &&
                      page->clean;
    }
    if (behind < after)
        cairn__os_clear(behind, (size_t)((after < before ? after : before) - behind));
    struct fence fence = fence_of(page, size);
    cairn__fence_fill(&fence);
    return true;
}

#endif
