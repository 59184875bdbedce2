/* SPDX-License-Identifier: MIT */
/*
 * The work during which system calls fail: two threads on small tables of blocks, each block with
 * its pattern, through every function that allocates. An allocation may be refused, with ENOMEM;
 * then the old block, if there was one, must be as it was.
 */
#ifndef TEST_RELIABILITY_INJECTED_H
#define TEST_RELIABILITY_INJECTED_H

#include "reliability/reliability.h"

enum { SLOTS_MAX = 256, LARGE = 10000000 };

struct workload {
    const char *name;
    const char *options; /* for CAIRN_CONF: few system calls, but all kinds of them */
    size_t low, high;    /* sizes */
    size_t align_max;    /* above 16: aligned blocks too */
    size_t slots, steps;
    size_t injections; /* of each call, at scale 1 */
};

static const struct workload workloads[] = {
    {"small", "purge_delay:0", 1, 3000, 64, 250, 3000, 12},
    {"regions", "window:2M,purge_delay:24h,dirty_max:64M", 500000, 6000000, 16, 30, 60, 4},
    {"large", "purge_delay:24h,dirty_max:4M", 100000, 4000000, 16, 12, 100, 5},
    {"huge", "", 12000000, 30000000, 16, 3, 14, 3},
    {"aligned", "purge_delay:24h,dirty_max:4M", 1000, 20000000, (size_t)8 << 20, 6, 24, 5},
    {"zeroed", "purge_delay:0", 20000, 600000, 16, 8, 90, 10},
};

enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

struct slot {
    unsigned char *block;
    size_t size;
    uint64_t key;
};

struct worker {
    const struct workload *workload;
    struct random random;
    struct slot slots[SLOTS_MAX];
    size_t granted, refused; /* allocations */
};

static inline size_t draw_size(struct worker *worker)
{
    size_t span = worker->workload->high - worker->workload->low;

    return worker->workload->low + random_below(&worker->random, span);
}

static inline size_t draw_alignment(struct worker *worker)
{
    size_t alignment = 16;

    while (alignment < worker->workload->align_max && random_percent(&worker->random, 85)) {
        alignment *= 2;
    }
    return alignment;
}

static inline void *slot_allocate(struct worker *worker, size_t size)
{
    bool zeroed = random_percent(&worker->random,
                                 strcmp(worker->workload->name, "zeroed") ? 25 : 90);
    size_t alignment = draw_alignment(worker);
    void *block;

    errno = 0;
    if (zeroed) {
        block = calloc(1, size);
        size_t at = block == NULL ? PATTERN_INTACT : pattern_nonzero(block, size);
        expect(at == PATTERN_INTACT, "calloc(1, %zu): byte %zu is not zero", size, at);
    } else if (alignment > 16) {
        block = memalign(alignment, size);
        expect((uintptr_t)block % alignment == 0, "%p is not aligned to %zu", block, alignment);
    } else {
        block = malloc(size);
    }
    return block;
}

static inline void slot_set(struct worker *worker, struct slot *slot, void *block, size_t size)
{
    if (block == NULL) {
        expect(errno == ENOMEM, "%zu bytes: NULL with errno %d", size, errno);
        worker->refused++;
        return;
    }
    worker->granted++;
    *slot = (struct slot){block, size, random_next(&worker->random)};
    block_fill(block, size, slot->key);
}

static inline void slot_free(struct slot *slot)
{
    block_free(slot->block, slot->size, slot->key);
    slot->block = NULL;
}

/* The pattern of a block that shrank or grew is what it was, as far as it goes. */
static inline void slot_resize(struct worker *worker, struct slot *slot, size_t size)
{
    errno = 0;
    unsigned char *block = realloc(slot->block, size);
    size_t kept = size < slot->size ? size : slot->size;

    if (block != NULL) {
        size_t at = pattern_mismatch(block, slot->size, kept, slot->key);
        expect(at == PATTERN_INTACT, "realloc from %zu to %zu: byte %zu changed", slot->size, size,
               at);
    }
    slot_set(worker, slot, block, size); /* on failure it stays, to be checked later */
}

static inline void worker_step(struct worker *worker)
{
    struct slot *slot = &worker->slots[random_below(&worker->random, worker->workload->slots)];

    if (slot->block == NULL) {
        size_t size = draw_size(worker);
        slot_set(worker, slot, slot_allocate(worker, size), size);
        return;
    }
    block_check(slot->block, slot->size, slot->key);
    if (random_percent(&worker->random, worker->workload->low > LARGE ? 80 : 40)) {
        slot_resize(worker, slot, draw_size(worker));
    } else {
        slot_free(slot);
    }
}

static inline void worker_check(const struct worker *worker)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct slot *slot = &worker->slots[i];
        if (slot->block != NULL) {
            block_check(slot->block, slot->size, slot->key);
        }
    }
}

static inline void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        slot_free(&worker->slots[i]);
    }
}

static inline void worker_run(struct worker *worker)
{
    size_t steps = worker->workload->steps;

    worker->granted = worker->refused = 0;
    for (size_t i = 1; i <= steps; i++) {
        worker_step(worker);
        if (i % (steps / 3) == 0 && i < steps) {
            worker_free(worker);
            malloc_trim(0);
        }
    }
}

#endif
