/* SPDX-License-Identifier: MIT */
/* See cached_store.h. */
#include "kit/cached_store.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/visible.h"

enum {
    FIRST_BYTES = 64 * 1024,
    FIRST_LEAST = 8,
};

#define BLOCK_BYTES_MAX GIB
#define CHUNK_BYTES_MAX size_min(UINT32_MAX, PTRDIFF_MAX / 2)

static size_t words_of(size_t blocks)
{
    return (blocks + 63) / 64;
}

static uint32_t slot_count(const struct store *store)
{
    return atomic_load_explicit(&store->slots, memory_order_acquire);
}

/* ---- memory ---- */

void *cairn__store_alloc(struct store *store, cairn_layout layout)
{
    store->source_calls++;
    void *ptr = cairn_allocator_alloc(store->source, layout);
    if (ptr != NULL)
        store->bytes += layout.size;
    return ptr;
}

void cairn__store_dealloc(struct store *store, void *ptr, cairn_layout layout)
{
    store->bytes -= layout.size;
    cairn_allocator_dealloc(store->source, ptr, layout);
}

static struct store_chunk *create_chunk(struct store *store, uint32_t blocks)
{
    size_t bytes = blocks * store->stride;
    size_t head = round_up(bytes, _Alignof(struct store_chunk));
    size_t size = head + sizeof(struct store_chunk) + words_of(blocks) * sizeof(uint64_t);
    cairn_layout layout = {size, size_max(store->align, _Alignof(struct store_chunk))};
    char *start = cairn__store_alloc(store, layout);
    if (start == NULL)
        return NULL;
    struct store_chunk *chunk = (struct store_chunk *)(start + head);
    chunk->start = start;
    chunk->bytes = bytes;
    chunk->blocks = blocks;
    chunk->stored = blocks;
    chunk->low = 0;
    chunk->layout = layout;
    memset(chunk->bits, 0xff, words_of(blocks) * sizeof(uint64_t));
    if (blocks % 64 != 0)
        chunk->bits[blocks / 64] = ((uint64_t)1 << blocks % 64) - 1;
    if (store->is_watched)
        cairn__show_unused(start, bytes);
    return chunk;
}

/* For the order see cairn__store_owns. */
static void enter(struct store *store, uint32_t at, struct store_chunk *chunk)
{
    store->chunks[at] = chunk;
    store->total += chunk->blocks;
    store->stored += chunk->stored;
    atomic_store_explicit(&store->starts[at], (uintptr_t)chunk->start, memory_order_release);
    atomic_store_explicit(&store->sizes[at], chunk->bytes, memory_order_release);
    if (at == slot_count(store))
        atomic_store_explicit(&store->slots, at + 1, memory_order_release);
}

static void drop(struct store *store, uint32_t at)
{
    struct store_chunk *chunk = store->chunks[at];
    atomic_store_explicit(&store->sizes[at], 0, memory_order_release);
    store->chunks[at] = NULL;
    store->total -= chunk->blocks;
    store->stored -= chunk->stored;
    if (store->is_watched)
        cairn__show_usable(chunk->start, chunk->bytes);
    cairn__store_dealloc(store, chunk->start, chunk->layout);
}

bool cairn__store_grow(struct store *store, size_t blocks)
{
    uint32_t at = 0;
    while (at < slot_count(store) && store->chunks[at] != NULL)
        at++;
    size_t room = size_min(store->max_blocks - store->total, CHUNK_BYTES_MAX / store->stride);
    size_t wanted = size_min(blocks, room);
    size_t least = size_min(store->first_blocks, wanted);
    if (at == STORE_CHUNKS || wanted == 0)
        return false;
    struct store_chunk *chunk;
    while ((chunk = create_chunk(store, (uint32_t)wanted)) == NULL) {
        if (wanted / 2 < least)
            return false;
        wanted /= 2;
    }
    enter(store, at, chunk);
    return true;
}

bool cairn__store_init(struct store *store, cairn_layout block, size_t first_blocks,
                       size_t max_blocks)
{
    if (!cairn_layout_is_valid(block) || block.size > BLOCK_BYTES_MAX ||
        block.align > BLOCK_BYTES_MAX)
        return false;
    store->size = size_max(block.size, 1);
    store->align = block.align;
    store->stride = round_up(store->size, size_max(block.align, 8));
    store->by_stride = divisor_of((uint32_t)store->stride);
    if (first_blocks == 0)
        first_blocks = size_max(FIRST_BYTES / store->stride, FIRST_LEAST);
    store->max_blocks = max_blocks != 0 ? max_blocks : SIZE_MAX;
    store->first_blocks = size_min(first_blocks, store->max_blocks);
    return true;
}

void cairn__store_fini(struct store *store)
{
    for (uint32_t i = 0; i < slot_count(store); i++)
        if (store->chunks[i] != NULL)
            drop(store, i);
}

void cairn__store_trim(struct store *store)
{
    for (uint32_t i = 0; i < slot_count(store); i++)
        if (store->chunks[i] != NULL && store->chunks[i]->stored == store->chunks[i]->blocks)
            drop(store, i);
}

/* ---- blocks ---- */

static size_t take_from(struct store *store, struct store_chunk *chunk, void **blocks, size_t n)
{
    size_t count = 0;
    n = size_min(n, chunk->stored);
    while (count < n) {
        uint64_t word = chunk->bits[chunk->low];
        for (; word != 0 && count < n; word &= word - 1)
            blocks[count++] = chunk->start +
                              ((size_t)chunk->low * 64 + lowest_bit(word)) * store->stride;
        chunk->bits[chunk->low] = word;
        if (word == 0)
            chunk->low++;
    }
    chunk->stored -= (uint32_t)count;
    store->stored -= count;
    return count;
}

size_t cairn__store_take(struct store *store, void **blocks, size_t n)
{
    size_t count = 0;
    for (uint32_t i = 0; count < n && store->stored != 0 && i < slot_count(store); i++)
        if (store->chunks[i] != NULL)
            count += take_from(store, store->chunks[i], blocks + count, n - count);
    for (size_t i = 0; i < count / 2; i++) {
        void *ptr = blocks[i];
        blocks[i] = blocks[count - 1 - i];
        blocks[count - 1 - i] = ptr;
    }
    return count;
}

/* The chunk that has a block at ptr, and the block's number; NULL: there is none. */
static struct store_chunk *find(const struct store *store, const void *ptr, uint32_t *index)
{
    for (uint32_t i = slot_count(store); i-- > 0;) {
        struct store_chunk *chunk = store->chunks[i];
        if (chunk == NULL || (uintptr_t)ptr - (uintptr_t)chunk->start >= chunk->bytes)
            continue;
        uint32_t offset = (uint32_t)((uintptr_t)ptr - (uintptr_t)chunk->start);
        *index = divide(offset, store->by_stride);
        return *index * store->stride == offset ? chunk : NULL;
    }
    return NULL;
}

/* The same, if the block is not in the store. */
static struct store_chunk *find_outside(const struct store *store, const void *ptr, uint32_t *index)
{
    struct store_chunk *chunk = find(store, ptr, index);
    bool is_outside = chunk != NULL && (chunk->bits[*index / 64] >> *index % 64 & 1) == 0;
    return is_outside ? chunk : NULL;
}

bool cairn__store_lacks(struct store *store, const void *ptr)
{
    uint32_t index;
    bool is_outside = find_outside(store, ptr, &index) != NULL;
    store->refused += !is_outside;
    return is_outside;
}

static bool put(struct store *store, const void *ptr)
{
    uint32_t index;
    struct store_chunk *chunk = find_outside(store, ptr, &index);
    if (chunk == NULL)
        return false;
    chunk->bits[index / 64] |= (uint64_t)1 << index % 64;
    if (index / 64 < chunk->low)
        chunk->low = index / 64;
    chunk->stored++;
    store->stored++;
    return true;
}

void cairn__store_give(struct store *store, void *const *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!put(store, blocks[i]))
            store->refused++;
}

/*
 * A slot may change meanwhile, but not under a block that is in use. A slot's size is set after its
 * start, and 0 while the slot has no chunk. So if it is the same before and after, and not 0, the
 * start that was read between is that of a chunk of this size, which was there before or after; and
 * no block of somebody else's that is in use all the time lies in either.
 */
bool cairn__store_owns(const struct store *store, const void *ptr)
{
    for (uint32_t i = slot_count(store); i-- > 0;) {
        size_t size = atomic_load_explicit(&store->sizes[i], memory_order_acquire);
        uintptr_t start = atomic_load_explicit(&store->starts[i], memory_order_acquire);
        if ((uintptr_t)ptr - start < size &&
            atomic_load_explicit(&store->sizes[i], memory_order_relaxed) == size)
            return true;
    }
    return false;
}

/* ---- questions ---- */

bool cairn__store_mark(struct store *store, const void *ptr)
{
    return put(store, ptr);
}

void cairn__store_unmark(struct store *store, const void *ptr)
{
    uint32_t index = 0;
    struct store_chunk *chunk = find(store, ptr, &index);
    chunk->bits[index / 64] &= ~((uint64_t)1 << index % 64);
    chunk->stored--;
    store->stored--;
}

static const char *audit_chunk(const struct store_chunk *chunk)
{
    size_t stored = 0;
    for (size_t i = 0; i < words_of(chunk->blocks); i++) {
        uint64_t word = chunk->bits[i];
        if (word != 0 && i < chunk->low)
            return "a free block lies before where the search begins";
        if (i == chunk->blocks / 64 && word >> chunk->blocks % 64 != 0)
            return "a chunk has a free block that does not exist";
        stored += count_ones((uint32_t)word) + count_ones((uint32_t)(word >> 32));
    }
    return stored == chunk->stored ? NULL : "a chunk's free blocks are not as many as it says";
}

const char *cairn__store_audit(const struct store *store)
{
    size_t total = 0;
    size_t stored = 0;
    for (uint32_t i = 0; i < slot_count(store); i++) {
        const struct store_chunk *chunk = store->chunks[i];
        uintptr_t start = atomic_load_explicit(&store->starts[i], memory_order_relaxed);
        size_t size = atomic_load_explicit(&store->sizes[i], memory_order_relaxed);
        if (size != (chunk != NULL ? chunk->bytes : 0) ||
            (chunk != NULL && start != (uintptr_t)chunk->start))
            return "a chunk is not where the table says";
        if (chunk == NULL)
            continue;
        const char *wrong = audit_chunk(chunk);
        if (wrong != NULL)
            return wrong;
        total += chunk->blocks;
        stored += chunk->stored;
    }
    if (total != store->total || total > store->max_blocks || stored != store->stored)
        return "the chunks have not as many blocks as they should";
    return NULL;
}

bool cairn__store_visit(const struct store *store, cairn_visitor *visitor, void *context)
{
    for (uint32_t i = 0; i < slot_count(store); i++) {
        const struct store_chunk *chunk = store->chunks[i];
        for (uint32_t block = 0; chunk != NULL && block < chunk->blocks; block++)
            if (!visitor(context, chunk->start + block * store->stride, store->size,
                         (chunk->bits[block / 64] >> block % 64 & 1) == 0))
                return false;
    }
    return true;
}
