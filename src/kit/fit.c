/* SPDX-License-Identifier: MIT */
/*
 * Blocks in and out of a fit, whatever its index: cut from a free block, merged with free
 * neighbours (Knuth, TAOCP 1, 2.5, algorithms A and C), resized where they are. fit_block.h has the
 * invariants, fit_index.h the index, fit_region.c where regions come from and go to.
 *
 * A block in use is at most GRANULE larger than its layout needs: what is left of a free block and
 * could be one is always cut off. So a tag can be held against the layout when the block comes
 * back, and one that was overwritten hardly ever passes.
 */
#include "kit/fit_index.h"

#include "base/memory.h"

enum { LOOKED_AT_MAX = 8 }; /* blocks of a list some of whose blocks are too small */

/* ---- free blocks ---- */

/* A block that is not in the index, whatever its tag says of its neighbours but PREV_FREE. */
QUIET static inline void insert_free(cairn_fit *fit, block *b, size_t size)
{
    make_free(b, size);
    index_insert(fit, b);
}

/*
 * Ends a block in use: merged, and into the index. Its own tag says FREE even if the block before
 * it takes it in, for one that is freed again.
 */
QUIET static inline void give(cairn_fit *fit, block *b)
{
    size_t tag = b->tag, size = size_in(tag);
    block *after = block_at(b, size);
    b->tag = tag | TAG_FREE;
    if (fit->coalescing != CAIRN_FIT_NEVER) {
        size_t tag_after = after->tag;
        if ((tag_after & TAG_FREE) != 0) {
            index_remove(fit, after);
            size += size_in(tag_after);
        }
        if ((tag & TAG_PREV_FREE) != 0) {
            size_t before = size_before(b);
            b = block_before(b, before);
            index_remove(fit, b);
            size += before;
        }
    }
    insert_free(fit, b, size);
    if (UNLIKELY(is_end(block_at(b, size))))
        cairn__fit_emptied(fit, b);
}

/* b is in use, and `size` and GRANULE are less than it has. */
QUIET static void cut_rest(cairn_fit *fit, block *b, size_t size)
{
    size_t rest = size_of(b) - size;
    block *after = block_at(b, size);
    b->tag -= rest;
    after->tag = rest;
    give(fit, after);
}

QUIET COLD void cairn__fit_merge_kept(cairn_fit *fit)
{
    if (fit->kept_count == 0)
        return;
    for (unsigned list = 0; list < KEPT_LISTS; list++)
        for (block *b = fit->kept[list], *next; b != NULL; b = next) {
            next = b->next;
            fit->kept[list] = next;
            fit->kept_count--;
            b->tag &= ~(size_t)TAG_KEPT;
            give(fit, b);
        }
}

/* ---- alloc ---- */

/* The first blocks of the last list that segregated passes over. */
QUIET static block *look_closer(cairn_fit *fit, size_t size)
{
    if (fit->strategy != CAIRN_FIT_SEGREGATED || size > fit->max_block)
        return NULL;
    block *b = fit->lists[list_for(size)];
    for (unsigned i = 0; i < LOOKED_AT_MAX && b != NULL; i++, b = b->next)
        if (size_of(b) >= size) {
            segregated_remove(fit, b);
            return b;
        }
    return NULL;
}

/* A free block, out of the index, of at least `size`, found at some cost. */
static NOINLINE block *take_hard(cairn_fit *fit, size_t size)
{
    if (size > fit->max_block)
        return NULL;
    block *b = look_closer(fit, size);
    if (b == NULL && fit->kept_count != 0) {
        cairn__fit_merge_kept(fit);
        b = index_take(fit, size);
        if (b == NULL)
            b = look_closer(fit, size);
    }
    if (b == NULL && cairn__fit_grow(fit, size)) {
        b = index_take(fit, size);
        if (b == NULL)
            b = look_closer(fit, size);
    }
    return b;
}

static inline block *take(cairn_fit *fit, size_t size)
{
    if (LIKELY(size <= fit->max_block)) {
        block *b = index_take(fit, size);
        if (LIKELY(b != NULL))
            return b;
    }
    return take_hard(fit, size);
}

static inline void count_in_use(cairn_fit *fit, size_t more)
{
    fit->in_use += more;
    if (fit->in_use > fit->peak)
        fit->peak = fit->in_use;
}

/* Hands out the first `size` bytes of a free block that is out of the index. */
QUIET static inline void *hand_out(cairn_fit *fit, block *b, size_t size)
{
    size_t tag = b->tag, rest = size_in(tag) - size;
    block *after = block_at(b, size);
    if (rest >= BLOCK_MIN) {
        b->tag = size | (tag & TAG_PREV_FREE);
        after->tag = 0;
        insert_free(fit, after, rest);
    } else {
        size += rest;
        b->tag = tag & ~(size_t)TAG_FREE;
        block_at(b, size)->tag &= ~(size_t)TAG_PREV_FREE;
    }
    count_in_use(fit, size);
    return payload_of(b);
}

/* What is skipped to be aligned is a free block of its own, so it cannot be smaller than one. */
QUIET static NOINLINE void *alloc_aligned(cairn_fit *fit, size_t size, size_t align)
{
    block *b = take(fit, size + align + GRANULE);
    if (b == NULL)
        return NULL;
    size_t gap = (0 - (uintptr_t)payload_of(b)) & (align - 1);
    if (gap == 0)
        return hand_out(fit, b, size);
    if (gap < BLOCK_MIN)
        gap += align;
    size_t rest = size_of(b) - gap;
    block *aligned = block_at(b, gap);
    aligned->tag = rest | TAG_FREE;
    insert_free(fit, b, gap);
    make_free(aligned, rest);
    return hand_out(fit, aligned, size);
}

/* Deferred: the block that was freed last of just this size. */
QUIET static inline block *take_kept(cairn_fit *fit, size_t size)
{
    if (size >= KEPT_LISTS * GRANULE)
        return NULL;
    block **list = &fit->kept[size / GRANULE], *b = *list;
    if (b != NULL) {
        *list = b->next;
        b->tag &= ~(size_t)TAG_KEPT;
        fit->kept_count--;
    }
    return b;
}

static inline void *alloc(cairn_fit *fit, cairn_layout layout)
{
    size_t size = block_size_for(layout.size);
    if (UNLIKELY(layout.align > GRANULE))
        return alloc_aligned(fit, size, layout.align);
    if (fit->kept != NULL) {
        block *kept = take_kept(fit, size);
        if (kept != NULL) {
            count_in_use(fit, size);
            return payload_of(kept);
        }
    }
    block *b = take(fit, size);
    return LIKELY(b != NULL) ? hand_out(fit, b, size) : NULL;
}

/* ---- dealloc ---- */

static NOINLINE bool look_up_region(cairn_fit *fit, const void *ptr)
{
    const region *r = region_of(fit, ptr);
    if (r == NULL)
        return false;
    fit->start = (uintptr_t)payload_of(first_of(r));
    fit->span = span_of(r);
    return true;
}

/* Whether what the tag says of the block before b is what that says of itself. */
QUIET static bool is_free_before(const block *b, size_t offset)
{
    size_t before = size_before(b);
    return before <= offset && is_aligned(before, GRANULE) && before >= BLOCK_MIN &&
           (block_before(b, before)->tag & ~(size_t)TAG_PREV_FREE) == (before | TAG_FREE);
}

/* Whether a block in use for a request of `requested` may have this size. If it is too small the
 * difference wraps. */
static inline bool is_size_for(size_t size, size_t requested)
{
    return is_aligned(size, GRANULE) &&
           size - WORD - size_max(requested, BLOCK_MIN - WORD - GRANULE + 1) < 2 * GRANULE;
}

/*
 * The block in use at ptr, if there is one that fits the layout: all of it in a region, its tag and
 * those around it in agreement. Else NULL, and counted.
 */
QUIET static inline block *check(cairn_fit *fit, const void *ptr, cairn_layout layout)
{
    size_t offset = (uintptr_t)ptr - fit->start;
    if (UNLIKELY(offset >= fit->span) && look_up_region(fit, ptr))
        offset = (uintptr_t)ptr - fit->start;
    block *b = block_of(ptr);
    if (LIKELY(offset < fit->span && is_aligned((uintptr_t)ptr, GRANULE))) {
        size_t tag = b->tag, size = tag & ~(size_t)TAG_PREV_FREE;
        if (LIKELY(is_size_for(size, layout.size) && size <= fit->span - offset &&
                   (block_at(b, size)->tag & TAG_PREV_FREE) == 0 &&
                   ((tag & TAG_PREV_FREE) == 0 || is_free_before(b, offset))))
            return b;
    }
    fit->refused++;
    return NULL;
}

QUIET static inline void keep(cairn_fit *fit, block *b, size_t size)
{
    block **list = &fit->kept[size / GRANULE];
    b->tag |= TAG_KEPT;
    b->next = *list;
    *list = b;
    if (UNLIKELY(++fit->kept_count >= fit->kept_max))
        cairn__fit_merge_kept(fit);
}

/* Ends a block that check has passed. */
static inline void end_block(cairn_fit *fit, block *b)
{
    size_t size = size_of(b);
    fit->in_use -= size;
    if (fit->kept != NULL && size < KEPT_LISTS * GRANULE)
        keep(fit, b, size);
    else
        give(fit, b);
}

static inline bool dealloc(cairn_fit *fit, void *ptr, cairn_layout layout)
{
    block *b = check(fit, ptr, layout);
    if (UNLIKELY(b == NULL))
        return false;
    end_block(fit, b);
    return true;
}

/* ---- realloc ---- */

/* b takes in the free block after it. */
QUIET static void absorb_after(cairn_fit *fit, block *b)
{
    block *after = block_after(b);
    index_remove(fit, after);
    b->tag += size_of(after);
    block_after(b)->tag &= ~(size_t)TAG_PREV_FREE;
}

/* The free block before b takes it in, with `used` bytes of its contents. */
QUIET static block *absorb_before(cairn_fit *fit, block *b, size_t used)
{
    block *before = block_before(b, size_before(b));
    size_t size = size_of(before) + size_of(b);
    index_remove(fit, before);
    b->tag |= TAG_FREE; /* for one who uses the old pointer, unless it is written over now */
    if (fit->is_watched)
        cairn__show_usable(payload_of(before), used);
    memmove(payload_of(before), payload_of(b), used);
    before->tag = size | (before->tag & TAG_PREV_FREE);
    return before;
}

/* b with `size` or GRANULE more, where it is or further down; NULL: there is no room. */
QUIET static block *resize(cairn_fit *fit, block *b, size_t size, size_t align, size_t used)
{
    size_t have = size_of(b);
    if (size > have) {
        size_t after = is_free(block_after(b)) ? size_of(block_after(b)) : 0;
        size_t before = (b->tag & TAG_PREV_FREE) != 0 ? size_before(b) : 0;
        bool moves = size > have + after;
        if (moves && (before == 0 || size > before + have + after ||
                      !is_aligned((uintptr_t)payload_of(b) - before, align)))
            return NULL;
        if (after != 0)
            absorb_after(fit, b);
        if (moves)
            b = absorb_before(fit, b, used);
    }
    if (size_of(b) - size >= BLOCK_MIN)
        cut_rest(fit, b, size);
    count_in_use(fit, size_of(b) - have); /* less, if it wraps */
    return b;
}

static COLD void show_resized(cairn_fit *fit, void *ptr, void *resized, size_t size,
                              size_t new_size)
{
    cairn__show_dealloc(fit, ptr, size);
    cairn__show_alloc(fit, resized, new_size);
    cairn__show_readable(resized, size_min(size, new_size));
}

/* From one block to another. What ends may take its region with it: tools hear of it before. */
static void *move(cairn_fit *fit, block *b, cairn_layout layout, size_t new_size)
{
    void *moved = alloc(fit, cairn__layout(new_size, layout.align));
    if (moved == NULL)
        return NULL;
    if (fit->is_watched)
        cairn__show_alloc(fit, moved, new_size);
    memcpy(moved, payload_of(b), size_min(layout.size, new_size));
    if (fit->is_watched)
        cairn__show_dealloc(fit, payload_of(b), layout.size);
    end_block(fit, b);
    return moved;
}

static void *reallocate(cairn_fit *fit, void *ptr, cairn_layout layout, size_t new_size)
{
    block *b = check(fit, ptr, layout);
    if (UNLIKELY(b == NULL))
        return NULL;
    block *resized = resize(fit, b, block_size_for(new_size), layout.align,
                            size_min(layout.size, new_size));
    if (resized == NULL)
        return move(fit, b, layout, new_size);
    if (fit->is_watched)
        show_resized(fit, ptr, payload_of(resized), layout.size, new_size);
    return payload_of(resized);
}

/* ---- where tools watch ---- */

static COLD void *alloc_watched(cairn_fit *fit, cairn_layout layout)
{
    cairn__quiet_begin();
    void *ptr = alloc(fit, layout);
    cairn__quiet_end();
    if (ptr != NULL)
        cairn__show_alloc(fit, ptr, layout.size);
    return ptr;
}

static COLD bool dealloc_watched(cairn_fit *fit, void *ptr, cairn_layout layout)
{
    cairn__quiet_begin();
    block *b = check(fit, ptr, layout);
    if (b != NULL) {
        cairn__show_dealloc(fit, ptr, layout.size);
        end_block(fit, b);
    }
    cairn__quiet_end();
    return b != NULL;
}

static COLD void *reallocate_watched(cairn_fit *fit, void *ptr, cairn_layout layout,
                                     size_t new_size)
{
    cairn__quiet_begin();
    void *resized = reallocate(fit, ptr, layout, new_size);
    cairn__quiet_end();
    return resized;
}

/* ---- the functions of the interface ---- */

CAIRN_EXPORT void *cairn_fit_alloc(cairn_fit *fit, cairn_layout layout)
{
    if (UNLIKELY(!cairn_layout_is_valid(layout)))
        return NULL;
    return UNLIKELY(fit->is_watched) ? alloc_watched(fit, layout) : alloc(fit, layout);
}

CAIRN_EXPORT bool cairn_fit_dealloc(cairn_fit *fit, void *ptr, cairn_layout layout)
{
    if (UNLIKELY(ptr == NULL))
        return false;
    return UNLIKELY(fit->is_watched) ? dealloc_watched(fit, ptr, layout)
                                     : dealloc(fit, ptr, layout);
}

CAIRN_EXPORT void *cairn_fit_realloc(cairn_fit *fit, void *ptr, cairn_layout layout,
                                     size_t new_size)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(new_size, layout.align))))
        return NULL;
    if (ptr == NULL)
        return cairn_fit_alloc(fit, cairn__layout(new_size, layout.align));
    return UNLIKELY(fit->is_watched) ? reallocate_watched(fit, ptr, layout, new_size)
                                     : reallocate(fit, ptr, layout, new_size);
}

CAIRN_EXPORT bool cairn_fit_owns(const cairn_fit *fit, const void *ptr)
{
    if ((uintptr_t)ptr - fit->start < fit->span)
        return true;
    if (fit->is_watched)
        cairn__quiet_begin();
    bool owns = region_of(fit, ptr) != NULL;
    if (fit->is_watched)
        cairn__quiet_end();
    return owns;
}

static void *fit_alloc(void *self, cairn_layout layout)
{
    return cairn_fit_alloc(self, layout);
}

static void fit_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_fit_dealloc(self, ptr, layout);
}

static void *fit_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    return cairn_fit_realloc(self, ptr, layout, new_size);
}

static bool fit_owns(void *self, const void *ptr)
{
    return cairn_fit_owns(self, ptr);
}

/* Tools see the bytes that were asked for, and no more. */
static size_t fit_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    const cairn_fit *fit = self;
    return fit->is_watched ? layout.size : size_of(block_of(ptr)) - WORD;
}

CAIRN_EXPORT cairn_allocator cairn_fit_allocator(cairn_fit *fit)
{
    static const cairn_allocator_ops ops = {
        .name = "fit",
        .alloc = fit_alloc,
        .dealloc = fit_dealloc,
        .realloc = fit_realloc,
        .owns = fit_owns,
        .usable_size = fit_usable_size,
    };
    return (cairn_allocator){&ops, fit};
}
