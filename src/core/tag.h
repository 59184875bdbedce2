/* SPDX-License-Identifier: MIT */
/*
 * Tags of the blocks of pages, where the processor has tags (os/tags.h). A block gets a random one
 * when it is issued: another than it had before, and than the blocks beside it have or had. Its
 * memory has that tag as far as it was asked for, in steps of 16 bytes; everything else (free
 * blocks, what is behind a block, large blocks, free memory) has tag 0, which no block gets. So whoever
 * keeps the pointer to a freed block cannot use it, at once and until the block has been used again
 * once; after that in 11 of 12 cases; and no pointer leads into the block beside its own.
 *
 *     memory of a block in use: round_up(size asked for, 16) bytes with its tag, the rest 0
 *     memory of a free block:   tag 0 (and zeros)
 *
 * A page's tags lie behind its slots, a byte each. They are written by the page's owner, when it
 * issues the block; who frees it reads its own. The core's own pointers have none.
 */
#ifndef CAIRN_CORE_TAG_H
#define CAIRN_CORE_TAG_H

#include "core/page.h"
#include "os/tags.h"

#if SLOTTED

static inline _Atomic uint8_t *tag_at(const struct page *page, size_t at)
{
    return (_Atomic uint8_t *)(page->slots + page->capacity) + at;
}

/* The tag that the block has, or had last. */
static inline unsigned block_tag(const struct page *page, size_t at)
{
    return tags_on() ? atomic_load_explicit(tag_at(page, at), memory_order_relaxed) : 0;
}

/* The pointer that the program has. */
static inline void *block_tagged(const struct page *page, size_t at)
{
    return tag_put(page->start + at * page->size, block_tag(page, at));
}

/* ptr has a tag, or none, that is not the block's. */
static inline bool tag_is_other(const struct page *page, size_t at, const void *ptr)
{
    return TAGS_BUILT && UNLIKELY(tag_of(ptr) != block_tag(page, at));
}

/* One that neither the block nor those beside it have or had last. */
static inline unsigned tag_draw(const struct page *page, size_t at)
{
    uint64_t excluded = 1u | 1u << block_tag(page, at);
    if (at != 0)
        excluded |= 1u << block_tag(page, at - 1);
    if (at + 1u < page->capacity)
        excluded |= 1u << block_tag(page, at + 1);
    return cairn__tag_random(excluded);
}

/* The memory of a block, which had tag 0, is to be used for `size` bytes: the pointer for the program. */
static inline void *tag_issue(const struct page *page, size_t at, char *block, size_t size)
{
    if (!tags_on())
        return block;
    unsigned tag = tag_draw(page, at);
    atomic_store_explicit(tag_at(page, at), (uint8_t)tag, memory_order_relaxed);
    cairn__tag_set(block, round_up(size, TAG_BYTES), tag);
    return tag_put(block, tag);
}

/* A block in use is to hold `size` bytes from now on. */
static inline void tag_resize(const struct page *page, size_t at, size_t size)
{
    if (!tags_on())
        return;
    char *block = page->start + at * page->size;
    size_t used = round_up(size, TAG_BYTES);
    cairn__tag_set(block, used, block_tag(page, at));
    cairn__tag_set(block + used, page->size - used, 0);
}

#endif
#endif
