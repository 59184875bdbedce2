/* SPDX-License-Identifier: MIT */
/* The oracle's shadow bitmap, and the life of a block as the contract has it. See oracle.h. */
#include "property/oracle.h"

#include "property/failure.h"
#include "property/operation.h"
#include "property/pattern.h"
#include "property/target.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum {
    ADDRESS_BITS = 48,
    LEAF_BITS = 26,
    GRANULE_BITS = 4,
    WORD_BITS = 6,
    ALIGN_ALWAYS = 16,
};

#define LEAF_COUNT    ((size_t)1 << (ADDRESS_BITS - LEAF_BITS))
#define LEAF_GRANULES ((size_t)1 << (LEAF_BITS - GRANULE_BITS))

typedef _Atomic(uint64_t) shadow_word;

/* Slots are filled once, by the thread that first needs the leaf. */
static _Atomic(shadow_word *) *leaves;

void *oracle_map(size_t size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (map == MAP_FAILED) {
        fail("the test's own mmap of %zu bytes failed", size);
    }
    return map;
}

void oracle_init(void)
{
    leaves = oracle_map(LEAF_COUNT * sizeof *leaves);
}

static shadow_word *leaf_of(size_t index)
{
    shadow_word *leaf = atomic_load_explicit(&leaves[index], memory_order_acquire);

    if (leaf == NULL) {
        size_t size = LEAF_GRANULES / 8;
        shadow_word *fresh = oracle_map(size);

        if (atomic_compare_exchange_strong(&leaves[index], &leaf, fresh)) {
            return fresh;
        }
        munmap(fresh, size);
    }
    return leaf;
}

/* Without the tag that memory may have on aarch64: bits that the processor leaves out. */
static uintptr_t address_of(const void *ptr)
{
#if defined(__aarch64__)
    return (uintptr_t)ptr & ~((uintptr_t)0xf << 56);
#else
    return (uintptr_t)ptr;
#endif
}

/* Calls change(word, mask) for each word of the shadow that [ptr, ptr + size) covers. */
static void shadow_walk(const struct block *block,
                        void (*change)(const struct block *block, shadow_word *word, uint64_t mask))
{
    uintptr_t address = address_of(block->ptr);
    uintptr_t first = address >> GRANULE_BITS;
    uintptr_t end = (address + block->usable + (1u << GRANULE_BITS) - 1) >> GRANULE_BITS;

    for (uintptr_t at = first; at < end;) {
        unsigned bit = at & 63;
        size_t count = end - at < 64 - bit ? end - at : 64 - bit;
        uint64_t mask = (count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1) << bit;
        shadow_word *leaf = leaf_of(at / LEAF_GRANULES);

        change(block, &leaf[(at % LEAF_GRANULES) >> WORD_BITS], mask);
        at += count;
    }
}

static void claim_word(const struct block *block, shadow_word *word, uint64_t mask)
{
    if ((atomic_fetch_or_explicit(word, mask, memory_order_relaxed) & mask) != 0) {
        fail("block %p of %zu bytes (usable %zu) overlaps a live block", (void *)block->ptr,
             block->size, block->usable);
    }
}

static void release_word(const struct block *block, shadow_word *word, uint64_t mask)
{
    if ((atomic_fetch_and_explicit(word, ~mask, memory_order_relaxed) & mask) != mask) {
        fail("block %p of %zu bytes was released under its owner: two owners", (void *)block->ptr,
             block->size);
    }
}

static bool is_impossible(size_t size)
{
    return size >= SIZE_IMPOSSIBLE;
}

/* A NULL for a possible size is a breach too: the tests stay far below what the machine has. */
static bool expect_answer(const void *ptr, size_t size)
{
    if (is_impossible(size) && ptr != NULL) {
        fail("an impossible size of %zu bytes was granted at %p", size, ptr);
    }
    if (!is_impossible(size) && ptr == NULL) {
        fail("out of memory for %zu bytes", size);
    }
    return ptr != NULL;
}

/* A block has just been handed out. How much of it is kept from before was checked by the caller. */
static void take_in(struct block *block, unsigned char *ptr, size_t size, size_t align)
{
    *block = (struct block){.ptr = ptr, .size = size};
    if (align < ALIGN_ALWAYS) {
        align = ALIGN_ALWAYS;
    }
    if (((uintptr_t)ptr & (align - 1)) != 0) {
        fail("block %p of %zu bytes is misaligned: %zu wanted", (void *)ptr, size, align);
    }
    if (address_of(ptr) >> ADDRESS_BITS != 0) {
        fail("block %p lies outside the address space", (void *)ptr);
    }
    block->usable = target.usable_size(ptr);
    if (block->usable < size || block->usable >= SIZE_IMPOSSIBLE) {
        fail("block %p of %zu bytes has a usable size of %zu", (void *)ptr, size, block->usable);
    }
    shadow_walk(block, claim_word);
}

static void write_pattern(struct block *block, uint64_t key)
{
    block->key = key;
    pattern_fill(block->ptr, block->usable, key);
}

bool oracle_alloc(struct block *block, size_t size, size_t align, uint64_t key)
{
    void *ptr = align == 0 ? target.alloc(size) : target.aligned_alloc(align, size);

    if (!expect_answer(ptr, size)) {
        return false;
    }
    take_in(block, ptr, size, align);
    write_pattern(block, key);
    return true;
}

bool oracle_calloc(struct block *block, size_t size, uint64_t key)
{
    /* Both factors vary and the product is exact: the count is the lowest set bit, if below 256. */
    size_t count = size & -size & 0xff;
    void *ptr = count == 0 ? target.calloc(1, size) : target.calloc(count, size / count);

    if (!expect_answer(ptr, size)) {
        return false;
    }
    take_in(block, ptr, size, 0);
    size_t dirty = pattern_nonzero(block->ptr, size);

    if (dirty != PATTERN_INTACT) {
        fail("calloc of %zu bytes: byte %zu is not zero", size, dirty);
    }
    write_pattern(block, key);
    return true;
}

static void check_kept(const struct block *now, const struct block *was, size_t limit,
                       const char *when)
{
    size_t offset = pattern_mismatch(now->ptr, was->usable, limit, was->key);

    if (offset != PATTERN_INTACT) {
        fail("block %p of %zu bytes (usable %zu) %s: byte %zu changed", (void *)now->ptr, was->size,
             was->usable, when, offset);
    }
}

void oracle_check(const struct block *block)
{
    size_t usable = target.usable_size(block->ptr);

    check_kept(block, block, block->usable, "while it lived");
    if (usable != block->usable) {
        fail("block %p of %zu bytes: its usable size changed from %zu to %zu", (void *)block->ptr,
             block->size, block->usable, usable);
    }
}

/*
 * The claim is dropped before the call and taken again after it: the moment realloc has freed the
 * old block, another thread may rightly be given it.
 */
void oracle_resize(struct block *block, size_t size, uint64_t key)
{
    struct block was = *block;

    oracle_check(&was);
    shadow_walk(&was, release_word);
    if (size == 0) {
        /* realloc(p, 0) frees in glibc and is undefined in C23: the tests do not ask it here. */
        size = 1;
    }
    void *ptr = target.realloc(was.ptr, size);

    if (!expect_answer(ptr, size)) {
        shadow_walk(&was, claim_word);
        check_kept(&was, &was, was.usable, "after a realloc that failed");
        return;
    }
    take_in(block, ptr, size, 0);
    check_kept(block, &was, size, "after realloc");
    write_pattern(block, key);
}

void oracle_free(struct block *block)
{
    oracle_check(block);
    shadow_walk(block, release_word);
    target.free(block->ptr);
    *block = (struct block){0};
}
