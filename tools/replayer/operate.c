/* SPDX-License-Identifier: MIT */
/*
 * One operation. A new block gets its number into its first 8 bytes (or as many as it has), and,
 * as a program would use it, a byte in each further OS page, or all of it. Before a block is freed
 * or resized its number must still be there: an allocator that gives the same bytes to two blocks
 * is found by that. With `check` every byte is written and looked at again.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <malloc.h>

#include "replayer/replayer.h"

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline unsigned char filler(uint64_t number)
{
    return (unsigned char)(number * 37 + 11);
}

/* ---- what is wrong ---- */

/* Whose number stands where this block's should be, if that block is live and overlaps it. */
static const struct block *intruder(const struct replay *replay, const struct block *block,
                                    uint64_t *number)
{
    uint64_t found = 0;

    memcpy(&found, block->ptr, least(block->size, sizeof found));
    if (found >= replay->plan.numbers)
        return NULL;
    const struct block *other = &replay->table[found];
    *number = found;
    bool apart = !other->ptr || other == block || other->ptr + other->size <= block->ptr ||
                 block->ptr + block->size <= other->ptr;
    return apart ? NULL : other;
}

static _Noreturn __attribute__((cold, noinline)) void broken(struct replay *replay,
                                                             const struct block *block, size_t at)
{
    uint64_t number = 0;
    const struct block *other = intruder(replay, block, &number);

    if (other)
        give_up(replay, RESULT_FAULT,
                "blocks overlap: %llu bytes at %p, and %llu bytes at %p, both in use",
                (unsigned long long)block->size, (void *)block->ptr,
                (unsigned long long)other->size, (void *)other->ptr);
    give_up(replay, RESULT_FAULT,
            "byte %zu of a block in use (%llu bytes at %p) was changed: it overlaps another, or "
            "the allocator wrote into it",
            at, (unsigned long long)block->size, (void *)block->ptr);
}

static _Noreturn __attribute__((cold, noinline)) void no_memory(struct replay *replay,
                                                                uint64_t size)
{
    give_up(replay, RESULT_OUT_OF_MEMORY, "no memory for %llu bytes (%llu bytes resident)",
            (unsigned long long)size, (unsigned long long)process_resident());
}

/* ---- writing and looking ---- */

static inline void write_number(unsigned char *ptr, size_t size, uint64_t number)
{
    if (size >= sizeof number)
        memcpy(ptr, &number, sizeof number);
    else
        for (size_t i = 0; i < size; i++)
            ptr[i] = (unsigned char)(number >> 8 * i);
}

static inline bool has_number(const unsigned char *ptr, size_t size, uint64_t number)
{
    uint64_t found;

    if (size >= sizeof number) {
        memcpy(&found, ptr, sizeof found);
        return found == number;
    }
    for (size_t i = 0; i < size; i++)
        if (ptr[i] != (unsigned char)(number >> 8 * i))
            return false;
    return true;
}

/* Bytes from `from` on; those before were written already. */
static inline void use(const struct replay *replay, unsigned char *ptr, size_t from, size_t size,
                       uint64_t number)
{
    if (replay->touch == TOUCH_NONE)
        return;
    if (from < sizeof number)
        write_number(ptr, size, number);
    if (replay->touch == TOUCH_ALL || replay->check) {
        size_t start = from > sizeof number ? from : sizeof number;
        if (start < size)
            memset(ptr + start, filler(number), size - start);
        return;
    }
    size_t page = replay->page_size;
    uintptr_t end = (uintptr_t)ptr + size;
    for (uintptr_t at = (((uintptr_t)ptr + from) | (page - 1)) + 1; at < end; at += page)
        *(volatile unsigned char *)at = 1;
}

static __attribute__((noinline)) void look_at_all(struct replay *replay, const struct block *block,
                                                  const unsigned char *ptr, size_t size,
                                                  uint64_t number)
{
    for (size_t i = sizeof number; i < size; i++)
        if (ptr[i] != filler(number))
            broken(replay, block, i);
}

/* The first `size` bytes at ptr are still what was written there. */
static inline void look(struct replay *replay, const struct block *block, const unsigned char *ptr,
                        size_t size, uint64_t number)
{
    if (replay->touch == TOUCH_NONE)
        return;
    if (__builtin_expect(!has_number(ptr, size, number), 0))
        broken(replay, block, 0);
    if (replay->check)
        look_at_all(replay, block, ptr, size, number);
}

static __attribute__((cold, noinline)) void not_zero(struct replay *replay, unsigned char *ptr,
                                                     size_t size, size_t at)
{
    const struct block block = {ptr, size};
    uint64_t number;

    if (intruder(replay, &block, &number))
        broken(replay, &block, at);
    give_up(replay, RESULT_FAULT, "byte %zu of a block from calloc (%zu bytes) is not 0", at, size);
}

static inline void look_for_zero(struct replay *replay, unsigned char *ptr, size_t size)
{
    size_t end = replay->check ? size : least(size, sizeof(uint64_t));

    for (size_t i = 0; i < end; i++)
        if (ptr[i])
            not_zero(replay, ptr, size, i);
}

/* ---- the calls ---- */

static inline unsigned char *call(enum plan_kind kind, uint64_t size, uint64_t align)
{
    void *ptr = NULL;

    switch (kind) {
    case PLAN_ALLOC_ZEROED:
        return calloc(1, size);
    case PLAN_ALLOC_ALIGNED:
        return posix_memalign(&ptr, align < sizeof(void *) ? sizeof(void *) : align, size) ? NULL
                                                                                           : ptr;
    default:
        return malloc(size);
    }
}

static inline void count_granted(struct replay *replay, struct stream *stream, uint64_t number,
                                 void *ptr)
{
    if (!replay->granted)
        return;
    uint64_t granted = ptr ? malloc_usable_size(ptr) : 0;
    stream->granted += (int64_t)granted - (int64_t)replay->granted[number];
    replay->granted[number] = granted;
}

static inline void alloc_block(struct replay *replay, struct stream *stream, enum plan_kind kind,
                               uint64_t number, uint64_t size, uint64_t align)
{
    struct block *block = &replay->table[number];
    unsigned char *ptr = call(kind, size, align);

    if (__builtin_expect(!ptr, 0) && size > 0)
        no_memory(replay, size);
    if (__builtin_expect(((uintptr_t)ptr & (align - 1)) != 0, 0) && size >= align)
        give_up(replay, RESULT_FAULT, "a block of %llu bytes is at %p, not aligned to %llu",
                (unsigned long long)size, (void *)ptr, (unsigned long long)align);
    if (kind == PLAN_ALLOC_ZEROED)
        look_for_zero(replay, ptr, size);
    use(replay, ptr, 0, size, number);
    *block = (struct block){ptr, size};
    count_granted(replay, stream, number, ptr);
    stream->blocks++;
    stream->requested += (int64_t)size;
}

static inline void free_block(struct replay *replay, struct stream *stream, uint64_t number)
{
    struct block *block = &replay->table[number];

    look(replay, block, block->ptr, block->size, number);
    count_granted(replay, stream, number, NULL);
    unsigned char *ptr = block->ptr;
    stream->blocks--;
    stream->requested -= (int64_t)block->size;
    block->ptr = NULL;
    free(ptr);
}

static inline void resize_block(struct replay *replay, struct stream *stream, uint64_t number,
                                uint64_t size)
{
    struct block *block = &replay->table[number];
    size_t kept = least(block->size, size);

    look(replay, block, block->ptr, block->size, number);
    unsigned char *ptr = realloc(block->ptr, size ? size : 1); /* of 0 it might free */
    if (__builtin_expect(!ptr, 0))
        no_memory(replay, size);
    uint64_t old = block->size;
    *block = (struct block){ptr, kept};
    look(replay, block, ptr, kept, number);
    use(replay, ptr, kept, size, number);
    block->size = size;
    count_granted(replay, stream, number, ptr);
    stream->requested += (int64_t)size - (int64_t)old;
}

void operate(struct replay *replay, struct stream *stream, enum plan_kind kind, uint64_t number,
             uint64_t size, uint64_t align)
{
    switch (kind) {
    case PLAN_FREE:
        free_block(replay, stream, number);
        break;
    case PLAN_REALLOC:
        resize_block(replay, stream, number, size);
        break;
    default:
        alloc_block(replay, stream, kind, number, size, align);
        break;
    }
}

void operate_alone(struct replay *replay, struct stream *stream, enum plan_kind kind,
                   uint64_t number, uint64_t size)
{
    struct block *block = &replay->table[number];
    unsigned char *ptr = replay->alone + number % ALONE_BLOCKS * (ALONE_BYTES / ALONE_BLOCKS);

    stream->blocks += kind == PLAN_FREE ? -1 : kind != PLAN_REALLOC;
    stream->requested += (int64_t)size - (int64_t)block->size;
    block->size = size; /* of FREE: 0 */
    *(volatile uint64_t *)(void *)ptr += number;
}
