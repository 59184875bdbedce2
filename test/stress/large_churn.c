/* SPDX-License-Identifier: MIT */
/*
 * Blocks of 100 KiB to 40 MiB, allocated, resized, handed to other threads and freed at random: runs
 * of units, runs of chunks and mappings of their own, next to each other. Contents are checked at
 * both ends and in between; calloc must give zeroes there, whatever lay in the memory before.
 */
#include "stress/stress.h"

enum { THREADS = 3, SLOTS = 6, STEPS = 700, EXCHANGE = 8 };

struct block {
    unsigned char *ptr;
    size_t size;
    uint64_t key;
};

/* Blocks change hands here: what one thread puts in, another takes out. */
static pthread_mutex_t exchange_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block exchange[EXCHANGE];

static size_t large_size(struct random *random)
{
    if (random_percent(random, 3)) {
        return random_between(random, (size_t)8 << 20, (size_t)40 << 20);
    }
    return random_between(random, 100 << 10, 1 << random_between(random, 18, 23));
}

static void check(const struct block *block, size_t limit)
{
    size_t offset = pattern_mismatch(block->ptr, block->size, limit, block->key);

    expect(offset == PATTERN_INTACT, "block of %zu bytes: byte %zu changed", block->size, offset);
}

static void check_zero(const unsigned char *ptr, size_t size)
{
    expect(pattern_nonzero(ptr, 8192) == PATTERN_INTACT, "calloc of %zu: dirty start", size);
    expect(pattern_nonzero(ptr + size - 8192, 8192) == PATTERN_INTACT, "calloc of %zu: dirty end",
           size);
    for (size_t at = 8192; at < size; at += 16384) {
        expect(ptr[at] == 0, "calloc of %zu: byte %zu is not zero", size, at);
    }
}

static void make(struct block *block, struct random *random)
{
    block->size = large_size(random);
    block->key = random_next(random);
    if (random_percent(random, 30)) {
        block->ptr = calloc(1, block->size);
        expect(block->ptr != NULL, "no memory for %zu bytes", block->size);
        check_zero(block->ptr, block->size);
    } else {
        size_t align = random_percent(random, 10) ? (size_t)1 << random_between(random, 5, 21) : 16;

        block->ptr = memalign(align, block->size);
        expect(block->ptr != NULL, "no memory for %zu bytes", block->size);
        expect((uintptr_t)block->ptr % align == 0, "%p for alignment %zu", (void *)block->ptr,
               align);
    }
    pattern_fill(block->ptr, block->size, block->key);
}

static void release(struct block *block)
{
    if (block->ptr != NULL) {
        check(block, block->size);
        free(block->ptr);
        block->ptr = NULL;
    }
}

static void resize(struct block *block, struct random *random)
{
    struct block was = *block;

    block->size = large_size(random);
    block->ptr = realloc(was.ptr, block->size);
    expect(block->ptr != NULL, "no memory for %zu bytes", block->size);
    was.ptr = block->ptr;
    check(&was, block->size);
    pattern_fill(block->ptr, block->size, block->key);
}

static void swap(struct block *block, struct random *random)
{
    size_t i = random_below(random, EXCHANGE);

    pthread_mutex_lock(&exchange_mutex);
    struct block other = exchange[i];

    exchange[i] = *block;
    *block = other;
    pthread_mutex_unlock(&exchange_mutex);
}

static void *work(void *argument)
{
    struct random random = random_seeded(8, (uintptr_t)argument);
    struct block blocks[SLOTS] = {0};

    for (size_t step = 0; step < test_scaled(STEPS); step++) {
        struct block *block = &blocks[random_below(&random, SLOTS)];

        if (block->ptr == NULL) {
            make(block, &random);
        } else if (random_percent(&random, 20)) {
            resize(block, &random);
        } else if (random_percent(&random, 40)) {
            swap(block, &random);
        } else {
            release(block);
        }
    }
    for (size_t i = 0; i < SLOTS; i++) {
        release(&blocks[i]);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    require_cairn_if_expected();
    struct idle before = idle_now();

    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = thread_start(work, (void *)i);
    }
    for (size_t i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
    }
    for (size_t i = 0; i < EXCHANGE; i++) {
        release(&exchange[i]);
    }
    expect_idle(before);
    return 0;
}
