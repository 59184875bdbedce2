/* SPDX-License-Identifier: MIT */
/* See fence.h. */
#include "core/fence.h"

#include "core/crime.h"
#include "core/secret.h"
#include "os/os.h"

#if SLOTTED

static char *base_of(const struct page *page)
{
    return page->start - (uintptr_t)page->start % UNIT_SIZE;
}

/* Where what can be accessed ends. */
static char *end_of(const struct page *page, size_t size)
{
    return (char *)round_up((uintptr_t)page->start + size + CANARY_LEAST, cairn__os_page_size());
}

/* As slot.c has it: the second byte is zero, the first is not. */
static char canary_byte(const struct page *page, size_t at)
{
    return at == 1 ? 0 : (char)(page->secret >> 8 * (at % 8));
}

/* In front of it, too, where its first page begins. */
static void set_front(struct page *page)
{
    char *base = base_of(page);
    for (size_t at = 0; base + at < page->start; at++)
        base[at] = canary_byte(page, at);
}

static void check_front(const struct page *page)
{
    const char *base = base_of(page);
    for (size_t at = 0; base + at < page->start; at++)
        if (UNLIKELY(base[at] != canary_byte(page, at)))
            cairn__crime((struct crime){.what = "underflow of",
                                        .ptr = page->start,
                                        .detail = ", byte ",
                                        .number = (size_t)(page->start - base) - at,
                                        .more = " before it",
                                        .page = page,
                                        .size = fence_size(page)});
}

static void set_canary(struct page *page, size_t size)
{
    char *slack = page->start + size, *end = end_of(page, size);
    for (size_t at = 0; slack + at < end; at++)
        slack[at] = canary_byte(page, at);
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
    set_front(page);
    set_canary(page, size);
}

void cairn__fence_check(const struct page *page)
{
    check_front(page);
    size_t size = fence_size(page);
    const char *slack = page->start + size, *end = end_of(page, size);
    for (size_t at = 0; slack + at < end; at++)
        if (UNLIKELY(slack[at] != canary_byte(page, at)))
            cairn__crime((struct crime){.what = "overflow of",
                                        .ptr = page->start,
                                        .detail = ", byte ",
                                        .number = at + 1,
                                        .more = " behind it",
                                        .page = page,
                                        .size = size});
}

void cairn__fence_close(struct page *page)
{
    cairn__fence_check(page);
    char *base = base_of(page);
    size_t bytes = (size_t)page->units << UNIT_SHIFT;
    if (!cairn__os_guard(base, bytes))
        cairn__os_purge(base, bytes);
}

bool cairn__fence_move(struct page *page, size_t size)
{
    char *before = end_of(page, fence_size(page)), *after = end_of(page, size);
    char *limit = base_of(page) + ((size_t)page->units << UNIT_SHIFT) - GUARD_BYTES;
    if (after > limit)
        return false;
    cairn__fence_check(page);
    if (after > before)
        cairn__os_unguard(before, (size_t)(after - before));
    char *behind = page->start + fence_size(page);
    if (after > behind)
        cairn__os_clear(behind, (size_t)(after - behind));
    if (after < before && !cairn__os_guard(after, (size_t)(before - after)))
        cairn__os_purge(after, (size_t)(before - after));
    set_canary(page, size);
    return true;
}

#endif
