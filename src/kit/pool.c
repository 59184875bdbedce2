/* SPDX-License-Identifier: MIT */
/*
 * Blocks of one size (pool.h). What is here is what the inline functions do not do: take chunks and
 * give them back, check, show, walk.
 *
 * A chunk is `fresh` (nothing of it handed out since the last reset) or `begun`; of the begun ones,
 * `current` still has blocks that were never handed out, [next, end). No other memory is set aside
 * for walks: visit and trim sort the list of free blocks and the begun chunks by address, where they
 * are, and go through both at once.
 *
 * A pool that is_slow has all it hands out in `closed`, so that the inline functions find nothing and
 * come here. Its chunks carry bits, outside the blocks; so does a region, if that was asked for.
 *
 * Invariants, with S = closed if is_slow, else open; the other one is empty:
 *   blocks == sum of count over begun and fresh <= max_blocks;  held == sum of size over both
 *   current is begun, or NULL with S.next == S.end == NULL
 *   current->start <= S.next <= S.end == current->start + current->count * stride
 *   each block of S.free was handed out, and is on the list once
 *   bits: set for a block that was handed out and is not on S.free, and for no other
 */
#include "cairn/pool.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/quotient.h"
#include "base/memory.h"
#include "base/visible.h"
#ifndef CAIRN_FREESTANDING
#include "cairn/system.h"
#endif

typedef cairn__pool_link link;
typedef cairn__pool_stock stock;
typedef cairn__pool_chunk chunk;

#define WORD_BITS  (8 * sizeof(uintptr_t))
#define SIZE_BOUND ((size_t)PTRDIFF_MAX / 4)

enum { FIRST_CHUNK_SIZE = 4 * KIB, FIRST_BLOCKS = 8, MAX_CHUNK_SIZE = 64 * MIB };
enum { RED_ZONE = 16, CACHE_LINE = 64, SET_PERIOD = 1 * KIB };

static stock *stock_of(const cairn_pool *pool)
{
    return (stock *)(pool->is_slow ? &pool->closed : &pool->open);
}

/* ---- links in free blocks: where somebody watches, nobody may touch them but here ---- */

static link *next_of(const cairn_pool *pool, link *block)
{
    if (!pool->is_watched)
        return block->next;
    cairn__show_readable(block, sizeof *block);
    link *next = block->next;
    cairn__show_unused(block, sizeof *block);
    return next;
}

static void set_next(const cairn_pool *pool, link *block, link *next)
{
    if (pool->is_watched)
        cairn__show_usable(block, sizeof *block);
    block->next = next;
    if (pool->is_watched)
        cairn__show_unused(block, sizeof *block);
}

/* ---- where a block is ---- */

/* Bytes from the start of a begun chunk that have been handed out. */
static size_t extent_of(const cairn_pool *pool, const chunk *in)
{
    return in == pool->current ? (size_t)(stock_of(pool)->next - in->start)
                               : in->count * pool->stride;
}

/* The begun chunk in which ptr is the start of a block that was handed out; NULL: none. */
static chunk *find(const cairn_pool *pool, const void *ptr, size_t *index)
{
    for (chunk *in = pool->begun; in != NULL; in = in->next) {
        uintptr_t at = (uintptr_t)ptr - (uintptr_t)in->start;
        if (at >= extent_of(pool, in))
            continue;
        *index = exact_quotient(at, pool->stride, pool->inverse, pool->shift, in->count);
        return *index < in->count ? in : NULL;
    }
    return NULL;
}

static size_t words_for(size_t count)
{
    return (count + WORD_BITS - 1) / WORD_BITS;
}

static bool is_in_use(const chunk *in, size_t index)
{
    return (in->bits[index / WORD_BITS] >> index % WORD_BITS & 1) != 0;
}

static void set_in_use(chunk *in, size_t index, bool in_use)
{
    uintptr_t bit = (uintptr_t)1 << index % WORD_BITS;
    if (in_use)
        in->bits[index / WORD_BITS] |= bit;
    else
        in->bits[index / WORD_BITS] &= ~bit;
}

/* ---- chunks ---- */

static void give_chunk(cairn_pool *pool, chunk *gone)
{
    size_t align = size_max(pool->block_align, _Alignof(chunk));
    pool->blocks -= gone->count;
    pool->held -= gone->size;
    if (pool->is_watched)
        cairn__show_usable(gone->start, gone->count * pool->stride);
    cairn_allocator_dealloc(pool->source, gone, cairn__layout(gone->size, align));
}

/* Bytes in front of the blocks of a chunk. */
static size_t header_size(const cairn_pool *pool, size_t count)
{
    size_t bits = pool->is_slow ? words_for(count) * sizeof(uintptr_t) : 0;
    return round_up(sizeof(chunk) + bits, pool->block_align);
}

/* How many blocks a chunk of `size` bytes has; one at least, which may make it larger. */
static size_t blocks_in(const cairn_pool *pool, size_t size)
{
    size_t header = header_size(pool, quotient(size, pool->stride));
    return size > header ? size_max(quotient(size - header, pool->stride), 1) : 1;
}

static chunk *take_chunk(cairn_pool *pool, size_t count)
{
    size_t header = header_size(pool, count);
    size_t size = header + count * pool->stride;
    size_t align = size_max(pool->block_align, _Alignof(chunk));
    chunk *taken = cairn_allocator_alloc(pool->source, cairn__layout(size, align));
    if (taken == NULL)
        return NULL;
    taken->start = (char *)taken + header;
    taken->count = count;
    taken->size = size;
    taken->bits = pool->is_slow ? (uintptr_t *)(taken + 1) : NULL;
    if (taken->bits != NULL)
        memset(taken->bits, 0, words_for(count) * sizeof(uintptr_t));
    if (pool->is_watched)
        cairn__show_unused(taken->start, count * pool->stride);
    return taken;
}

/* One more fresh chunk, of `count` blocks or of as many as can be had. */
static bool grow(cairn_pool *pool, size_t count)
{
    count = size_min(count, pool->max_blocks - pool->blocks);
    for (; count != 0; count /= 2) {
        chunk *taken = take_chunk(pool, count);
        if (taken == NULL)
            continue;
        pool->blocks += count;
        pool->held += taken->size;
        taken->next = pool->fresh;
        pool->fresh = taken;
        return true;
    }
    return false;
}

/* Bytes of the next chunk: what all have so far, rounded to a doubling of the first. */
static size_t next_chunk_size(const cairn_pool *pool)
{
    size_t size = pool->first_chunk_size;
    while (size <= pool->held / 2 && size <= pool->max_chunk_size / 2)
        size *= 2;
    return size;
}

/* Begins a fresh chunk. */
static bool advance(cairn_pool *pool)
{
    if (pool->fresh == NULL &&
        (pool->source.ops == NULL || !grow(pool, blocks_in(pool, next_chunk_size(pool)))))
        return false;
    chunk *begun = pool->fresh;
    pool->fresh = begun->next;
    begun->next = pool->begun;
    pool->begun = pool->current = begun;
    stock_of(pool)->next = begun->start;
    stock_of(pool)->end = begun->start + begun->count * pool->stride;
    return true;
}

/* ---- begin and end ---- */

/* What both kinds have in common. The pool gives nothing until it is opened. */
static bool prepare(cairn_pool *pool, cairn_layout block, const cairn_pool_opts *opts)
{
    memset(pool, 0, sizeof *pool);
    pool->is_slow = true;
    if (!cairn_layout_is_valid(block) || block.size > SIZE_BOUND || block.align > SIZE_BOUND)
        return false;
    pool->block_size = size_max(block.size, 1);
    pool->block_align = block.align;
    pool->stride = round_up(size_max(block.size, sizeof(link)),
                            size_max(block.align, _Alignof(link)));
    pool->max_blocks = opts != NULL && opts->max_blocks != 0 ? opts->max_blocks : SIZE_MAX;
    pool->is_checked = opts != NULL && opts->checked;
    return true;
}

static void open_pool(cairn_pool *pool)
{
    pool->inverse = exact_inverse(pool->stride, &pool->shift);
    pool->is_slow = pool->is_checked || pool->is_watched;
    if (pool->is_watched)
        cairn__show_begin(pool);
}

CAIRN_EXPORT bool cairn_pool_init(cairn_pool *pool, cairn_layout block, const cairn_pool_opts *opts)
{
    static const cairn_pool_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    if (!prepare(pool, block, opts))
        return false;
    cairn_allocator source = opts->source;
#ifndef CAIRN_FREESTANDING
    if (source.ops == NULL)
        source = cairn_system();
#endif
    if (source.ops == NULL)
        return false;
    pool->source = source;
    pool->is_watched = cairn__is_watched();
    /* What is written beyond a block falls between it and the next. */
    if (pool->is_watched)
        pool->stride = round_up(pool->stride + RED_ZONE, size_max(block.align, _Alignof(link)));
    /* Else all blocks would begin in the same few sets of the caches. */
    else if (pool->stride % SET_PERIOD == 0 && block.align <= CACHE_LINE)
        pool->stride += CACHE_LINE;

    size_t max = opts->max_chunk_size != 0 ? opts->max_chunk_size : MAX_CHUNK_SIZE;
    size_t first = opts->first_chunk_size;
    pool->max_chunk_size = size_min(max, SIZE_BOUND);
    if (first == 0)
        first = size_max(FIRST_CHUNK_SIZE, pool->stride <= SIZE_BOUND / FIRST_BLOCKS
                                               ? pool->stride * FIRST_BLOCKS
                                               : SIZE_BOUND);
    pool->first_chunk_size = size_min(first, pool->max_chunk_size);
    open_pool(pool);
    return true;
}

CAIRN_EXPORT bool cairn_pool_init_fixed(cairn_pool *pool, cairn_layout block, void *region,
                                        size_t size, const cairn_pool_opts *opts)
{
    if (!prepare(pool, block, opts) || region == NULL)
        return false;
    size_t skip = (size_t)(-(uintptr_t)region & (size_max(block.align, _Alignof(link)) - 1));
    if (skip >= size || size > PTRDIFF_MAX)
        return false;
    chunk *whole = &pool->region;
    whole->start = (char *)region + skip;
    size_t bytes = size - skip;
    whole->count = size_min(quotient(bytes, pool->stride), pool->max_blocks);
    if (pool->is_checked) {
        char *end = (char *)region + size;
        end -= (uintptr_t)end % sizeof(uintptr_t);
        bytes = end > whole->start ? (size_t)(end - whole->start) : 0;
        while (whole->count != 0 &&
               whole->count * pool->stride + words_for(whole->count) * sizeof(uintptr_t) > bytes)
            whole->count--;
        whole->bits = (uintptr_t *)end - words_for(whole->count);
        memset(whole->bits, 0, words_for(whole->count) * sizeof(uintptr_t));
    }
    if (whole->count == 0)
        return false;
    pool->is_watched = cairn__is_watched();
    pool->blocks = whole->count;
    pool->fresh = whole;
    open_pool(pool);
    if (pool->is_watched)
        cairn__show_unused(whole->start, whole->count * pool->stride);
    return advance(pool);
}

static void give_list(cairn_pool *pool, chunk *list)
{
    while (list != NULL) {
        chunk *gone = list;
        list = list->next;
        if (gone->size != 0)
            give_chunk(pool, gone);
        else if (pool->is_watched)
            cairn__show_usable(gone->start, gone->count * pool->stride);
    }
}

CAIRN_EXPORT void cairn_pool_fini(cairn_pool *pool)
{
    if (pool->is_watched)
        cairn__show_end(pool);
    give_list(pool, pool->begun);
    give_list(pool, pool->fresh);
    memset(pool, 0, sizeof *pool);
    pool->is_slow = true;
}

CAIRN_EXPORT void cairn_pool_reset(cairn_pool *pool)
{
    if (pool->is_watched) { /* forgets the blocks */
        cairn__show_end(pool);
        cairn__show_begin(pool);
    }
    while (pool->begun != NULL) {
        chunk *old = pool->begun;
        pool->begun = old->next;
        if (old->bits != NULL)
            memset(old->bits, 0, words_for(old->count) * sizeof(uintptr_t));
        if (pool->is_watched)
            cairn__show_unused(old->start, old->count * pool->stride);
        old->next = pool->fresh;
        pool->fresh = old;
    }
    pool->current = NULL;
    *stock_of(pool) = (stock){NULL, NULL, NULL};
    if (pool->fresh != NULL)
        advance(pool);
}

/* ---- blocks ---- */

CAIRN_EXPORT void *cairn_pool_alloc_slow(cairn_pool *pool)
{
    stock *from = stock_of(pool);
    link *block = from->free;
    if (block != NULL) {
        from->free = next_of(pool, block);
    } else {
        if (from->next == from->end && !advance(pool))
            return NULL;
        block = (link *)from->next;
        from->next += pool->stride;
    }
    if (pool->is_slow) {
        size_t index;
        chunk *in = find(pool, block, &index);
        if (in != NULL && in->bits != NULL)
            set_in_use(in, index, true);
        if (pool->is_watched)
            cairn__show_alloc(pool, block, pool->block_size);
    }
    return block;
}

CAIRN_EXPORT bool cairn_pool_dealloc_slow(cairn_pool *pool, void *ptr)
{
    size_t index;
    if (ptr == NULL)
        return true;
    chunk *in = find(pool, ptr, &index);
    if (in == NULL)
        return false;
    if (in->bits != NULL) {
        if (!is_in_use(in, index)) {
            if (pool->is_watched) /* memcheck has words for it */
                cairn__show_dealloc(pool, ptr, pool->block_size);
            return false;
        }
        set_in_use(in, index, false);
    }
    if (pool->is_watched)
        cairn__show_dealloc(pool, ptr, pool->block_size);
    set_next(pool, ptr, pool->closed.free);
    pool->closed.free = ptr;
    return true;
}

CAIRN_EXPORT bool cairn_pool_reserve(cairn_pool *pool, size_t count)
{
    const stock *from = stock_of(pool);
    if (pool->stride == 0) /* no pool */
        return count == 0;
    size_t ready = quotient((size_t)(from->end - from->next), pool->stride);
    for (const chunk *c = pool->fresh; c != NULL; c = c->next)
        ready += c->count;
    if (count <= ready)
        return true;
    if (count - ready > pool->max_blocks - pool->blocks || pool->source.ops == NULL)
        return false;
    while (ready < count) {
        size_t want = size_max(count - ready, blocks_in(pool, next_chunk_size(pool)));
        if (!grow(pool, size_min(want, blocks_in(pool, pool->max_chunk_size))))
            return false;
        ready += pool->fresh->count;
    }
    return true;
}

/* ---- in the order of addresses ---- */

static link *merge(link *a, link *b)
{
    link *merged = NULL, **last = &merged;
    while (a != NULL && b != NULL) {
        link **lower = (uintptr_t)a < (uintptr_t)b ? &a : &b;
        *last = *lower;
        last = &(*last)->next;
        *lower = *last;
    }
    *last = a != NULL ? a : b;
    return merged;
}

/* Sorts a list by merging: runs[i] is empty or a sorted run of 2^i (Knuth, TAOCP vol. 3, 5.2.4). */
static link *sort(link *list)
{
    link *runs[WORD_BITS] = {NULL};
    while (list != NULL) {
        link *run = list;
        list = list->next;
        run->next = NULL;
        unsigned i = 0;
        for (; runs[i] != NULL; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    for (unsigned i = 0; i < WORD_BITS; i++)
        list = merge(runs[i], list);
    return list;
}

static void put_in_order(cairn_pool *pool)
{
    stock *from = stock_of(pool);
    for (link *block = from->free; pool->is_watched && block != NULL; block = block->next)
        cairn__show_readable(block, sizeof *block);
    from->free = sort(from->free);
    for (link *block = from->free, *next; pool->is_watched && block != NULL; block = next) {
        next = block->next;
        cairn__show_unused(block, sizeof *block);
    }
    pool->begun = (chunk *)sort((link *)pool->begun);
}

CAIRN_EXPORT size_t cairn_pool_trim(cairn_pool *pool)
{
    size_t before = pool->held;
    put_in_order(pool);
    stock *from = stock_of(pool);
    link *block = from->free, *last = NULL; /* last: that stays */
    for (chunk **at = &pool->begun, *c; (c = *at) != NULL;) {
        size_t extent = extent_of(pool, c), free_bytes = 0;
        link *last_inside = last, *after = block;
        for (; after != NULL && (uintptr_t)after - (uintptr_t)c->start < extent;
             after = next_of(pool, after)) {
            last_inside = after;
            free_bytes += pool->stride;
        }
        bool goes = free_bytes == extent && c->size != 0;
        if (!goes) {
            at = &c->next;
            last = last_inside;
        } else if (last == NULL) {
            from->free = after;
        } else if (after != block) {
            set_next(pool, last, after);
        }
        block = after;
        if (goes) {
            *at = c->next;
            if (c == pool->current) {
                pool->current = NULL;
                from->next = from->end = NULL;
            }
            give_chunk(pool, c);
        }
    }
    for (chunk *c = pool->fresh, *next; c != NULL; c = next) { /* none is the region */
        next = c->next;
        give_chunk(pool, c);
    }
    pool->fresh = NULL;
    return before - pool->held;
}

/* ---- questions ---- */

CAIRN_EXPORT bool cairn_pool_owns(const cairn_pool *pool, const void *ptr)
{
    size_t index;
    const chunk *in = find(pool, ptr, &index);
    return in != NULL && (in->bits == NULL || is_in_use(in, index));
}

CAIRN_EXPORT size_t cairn_pool_capacity(const cairn_pool *pool)
{
    return pool->blocks;
}

CAIRN_EXPORT size_t cairn_pool_live(const cairn_pool *pool)
{
    size_t live = 0;
    for (const chunk *c = pool->begun; c != NULL; c = c->next)
        live += c->count;
    if (pool->current != NULL)
        live -= quotient((size_t)(stock_of(pool)->end - stock_of(pool)->next), pool->stride);
    for (link *block = stock_of(pool)->free; block != NULL; block = next_of(pool, block))
        live--;
    return live;
}

CAIRN_EXPORT bool cairn_pool_visit(const cairn_pool *pool, cairn_visitor *visitor, void *context)
{
    put_in_order((cairn_pool *)pool);
    link *block = stock_of(pool)->free;
    for (const chunk *c = pool->begun; c != NULL; c = c->next) {
        char *end = c->start + extent_of(pool, c);
        for (char *at = c->start; at < end; at += pool->stride) {
            bool is_free = at == (char *)block;
            if (is_free)
                block = next_of(pool, block);
            if (!visitor(context, at, pool->block_size, !is_free))
                return false;
        }
        size_t rest = c->count * pool->stride - (size_t)(end - c->start);
        if (rest != 0 && !visitor(context, end, rest, false))
            return false;
    }
    for (const chunk *c = pool->fresh; c != NULL; c = c->next)
        if (!visitor(context, c->start, c->count * pool->stride, false))
            return false;
    return true;
}

static size_t bits_set(const chunk *c)
{
    size_t set = 0;
    for (size_t i = 0; c->bits != NULL && i < words_for(c->count); i++)
        for (uintptr_t word = c->bits[i]; word != 0; word &= word - 1)
            set++;
    return set;
}

static const char *audit_chunks(const cairn_pool *pool)
{
    size_t blocks = 0, held = 0;
    bool has_current = pool->current == NULL;
    for (const chunk *c = pool->begun; c != NULL; c = c->next) {
        blocks += c->count;
        held += c->size;
        has_current |= c == pool->current;
    }
    for (const chunk *c = pool->fresh; c != NULL; c = c->next) {
        blocks += c->count;
        held += c->size;
        if (bits_set(c) != 0)
            return "pool: a block that was never handed out is in use";
    }
    if (blocks != pool->blocks || blocks > pool->max_blocks || held != pool->held)
        return "pool: the chunks do not add up";

    const stock *from = stock_of(pool), *other = pool->is_slow ? &pool->open : &pool->closed;
    if (other->free != NULL || other->next != NULL || other->end != NULL)
        return "pool: there are blocks where nobody looks";
    if (!has_current || (pool->current == NULL && (from->next != NULL || from->end != NULL)))
        return "pool: the current chunk is none of the pool's";
    if (pool->current == NULL)
        return NULL;
    const char *start = pool->current->start;
    uintptr_t at = (uintptr_t)from->next - (uintptr_t)start;
    size_t size = pool->current->count * pool->stride;
    size_t count = pool->current->count;
    if (from->end != start + size ||
        exact_quotient(at, pool->stride, pool->inverse, pool->shift, count + 1) > count)
        return "pool: the next block is none";
    return NULL;
}

CAIRN_EXPORT const char *cairn_pool_audit(const cairn_pool *pool)
{
    const char *wrong = audit_chunks(pool);
    if (wrong != NULL)
        return wrong;
    size_t issued = 0, in_use = 0, free_blocks = 0, index;
    bool has_bits = false;
    for (const chunk *c = pool->begun; c != NULL; c = c->next) {
        issued += quotient(extent_of(pool, c), pool->stride);
        in_use += bits_set(c);
        has_bits |= c->bits != NULL;
    }
    for (link *block = stock_of(pool)->free; block != NULL; block = next_of(pool, block)) {
        const chunk *in = find(pool, block, &index);
        if (in == NULL)
            return "pool: a free block was written to, or a foreign one given back";
        if (in->bits != NULL && is_in_use(in, index))
            return "pool: a block in use is among the free ones";
        if (++free_blocks > issued)
            return "pool: a block was given back twice";
    }
    if (has_bits && in_use + free_blocks != issued)
        return "pool: a block is neither in use nor free";
    return NULL;
}

/* ---- as an allocator ---- */

static void *pool_alloc(void *self, cairn_layout layout)
{
    cairn_pool *pool = self;
    if (UNLIKELY(layout.size > pool->block_size || layout.align > pool->block_align))
        return NULL;
    return cairn_pool_alloc(pool);
}

static void pool_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)layout;
    cairn_pool_dealloc(self, ptr);
}

static void *pool_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    (void)layout;
    return new_size <= ((cairn_pool *)self)->block_size ? ptr : NULL;
}

static bool pool_owns(void *self, const void *ptr)
{
    return cairn_pool_owns(self, ptr);
}

static size_t pool_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr, (void)layout;
    return ((cairn_pool *)self)->block_size;
}

CAIRN_EXPORT cairn_allocator cairn_pool_allocator(cairn_pool *pool)
{
    static const cairn_allocator_ops ops = {
        .name = "pool",
        .alloc = pool_alloc,
        .dealloc = pool_dealloc,
        .realloc = pool_realloc,
        .owns = pool_owns,
        .usable_size = pool_usable_size,
    };
    return (cairn_allocator){&ops, pool};
}
