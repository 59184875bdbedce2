/* SPDX-License-Identifier: MIT */
/* See guarded_block.h. */
#include "kit/guarded_block.h"

#include "base/bits.h"
#include "base/memory.h"

typedef struct cairn_guarded_record record;

/* ---- where things lie ---- */

/* Canaries on both sides, no page. None of these sums wraps: sizes are at most PTRDIFF_MAX. */
static struct guarded_shape plain(cairn_layout block, size_t canary)
{
    size_t at = round_up(canary, block.align);
    return (struct guarded_shape){
        .span = {at + block.size + canary, block.align},
        .at = at,
        .guard = SIZE_MAX,
        .front = (uint32_t)canary,
        .back = (uint32_t)canary,
    };
}

/*
 * The block ends where the page begins, or as near as its alignment allows; what is between is all
 * canary. With an alignment above the OS page's the block is at its first aligned address.
 */
static struct guarded_shape page_after(cairn_layout block, size_t canary, size_t os_page)
{
    bool wide = block.align > os_page;
    size_t room = wide ? block.size : round_up(block.size, block.align);
    size_t guard = round_up((wide ? block.align : canary) + room, os_page);
    size_t at = wide ? block.align : guard - room;
    return (struct guarded_shape){
        .span = {guard + os_page, size_max(block.align, os_page)},
        .at = at,
        .guard = guard,
        .front = (uint32_t)canary,
        .back = (uint32_t)(guard - at - block.size),
    };
}

static struct guarded_shape page_before(cairn_layout block, size_t canary, size_t os_page)
{
    size_t at = size_max(block.align, os_page);
    return (struct guarded_shape){
        .span = {round_up(at + block.size + canary, os_page), at},
        .at = at,
        .guard = at - os_page,
        .front = 0,
        .back = (uint32_t)canary,
    };
}

struct guarded_shape cairn__guarded_shape(cairn_layout block, size_t canary,
                                          cairn_guarded_pages pages, size_t os_page)
{
    switch (pages) {
    case CAIRN_GUARDED_PAGE_AFTER:
        return page_after(block, canary, os_page);
    case CAIRN_GUARDED_PAGE_BEFORE:
        return page_before(block, canary, os_page);
    default:
        return plain(block, canary);
    }
}

/* ---- canaries ---- */

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t word_of(const record *r, uint64_t secret)
{
    uint64_t z = (uint64_t)(uintptr_t)r->ptr * 0x9E3779B97F4A7C15u ^ secret;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) | 0x0101010101010101u;
}

static void write_words(char *bytes, size_t size, uint64_t word)
{
    for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word)
        memcpy(bytes, &word, sizeof word);
    memcpy(bytes, &word, size);
}

/* The first byte that is not the word's, from 0; size: they all are. */
static size_t first_changed(const char *bytes, size_t size, uint64_t word)
{
    size_t at = 0;
    while (size - at >= sizeof word && memcmp(bytes + at, &word, sizeof word) == 0)
        at += sizeof word;
    for (size_t i = 0; at < size && i < sizeof word; i++, at++)
        if (bytes[at] != ((const char *)&word)[i])
            break;
    return at;
}

void cairn__guarded_mark(const record *r, uint64_t secret)
{
    uint64_t word = word_of(r, secret);
    write_words(r->ptr - r->front, r->front, word);
    write_words(r->ptr + r->size, r->back, word);
}

/* ---- what was freed ---- */

static const uint64_t FREED_WORD = 0x0101010101010101u * CAIRN_GUARDED_FREED;

void cairn__guarded_fill(const record *r)
{
    memset(r->ptr, CAIRN_GUARDED_FREED, r->size);
}

bool cairn__guarded_is_whole(const record *r, uint64_t secret, bool filled, ptrdiff_t *offset)
{
    uint64_t word = word_of(r, secret);
    size_t at = first_changed(r->ptr - r->front, r->front, word);
    if (UNLIKELY(at < r->front)) {
        *offset = (ptrdiff_t)at - (ptrdiff_t)r->front;
        return false;
    }
    if (filled && (at = first_changed(r->ptr, r->size, FREED_WORD)) < r->size) {
        *offset = (ptrdiff_t)at;
        return false;
    }
    at = first_changed(r->ptr + r->size, r->back, word);
    if (UNLIKELY(at < r->back)) {
        *offset = (ptrdiff_t)(r->size + at);
        return false;
    }
    return true;
}
