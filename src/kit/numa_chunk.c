/* SPDX-License-Identifier: MIT */
/*
 * The shards of the numa allocator: blocks in runs, runs in chunks. A class has a list of its runs
 * that have blocks to give; a run takes blocks from its free list, or its next one that was never
 * handed out. A run without blocks goes back to its chunk, unless it is the last that its class has
 * at hand; a chunk without runs to the system, unless it is the only one.
 */
#include "kit/numa_heap.h"

enum { LOOKS = 8 }; /* at chunks that may have no row of units that is long enough */

/* ---- classes ---- */

size_t cairn__numa_class_size(unsigned class)
{
    if (class < 8)
        return (class + 1) * 16u;
    unsigned power = 7 + (class - 8) / 4, step = (class - 8) % 4 + 1;
    return ((size_t)1 << power) + ((size_t)step << (power - 2));
}

static unsigned class_of_size(size_t size)
{
    if (size <= 128)
        return (unsigned)((size + 15) / 16) - 1;
    unsigned power = log2_floor(size - 1);
    return 8 + (power - 7) * 4 + (unsigned)((size - 1) >> (power - 2) & 3);
}

unsigned cairn__numa_class_of(cairn_layout layout, unsigned *units)
{
    *units = 0;
    if (layout.size > SPAN_MAX || layout.align > UNIT_SIZE)
        return CLASS_LARGE;
    size_t size = round_up(size_max(layout.size, 1), layout.align);
    if (size > SMALL_MAX) {
        *units = (unsigned)(round_up(size, UNIT_SIZE) >> UNIT_SHIFT);
        return CLASS_SPAN;
    }
    /* A size that is a multiple of a power of two has a class that is one, too. */
    return class_of_size(size);
}

/* Units of a run: the fewest that hold four blocks, or as much as one unit can, with at most an
 * eighth left over. */
static unsigned units_of_run(size_t size)
{
    for (unsigned units = 1;; units++) {
        size_t bytes = (size_t)units << UNIT_SHIFT;
        if (bytes / size >= 4 && bytes % size <= bytes / 8)
            return units;
    }
}

/* ---- chunks ---- */

static unsigned bucket_of(unsigned units)
{
    return log2_floor(units);
}

static bool unit_is_free(const struct chunk *chunk, unsigned unit)
{
    return (chunk->free[unit / 64] >> unit % 64 & 1) != 0;
}

/* The first row of so many free units, and the longest that it saw; 0: none. */
static unsigned find_units(const struct chunk *chunk, unsigned units, unsigned *longest)
{
    unsigned length = 0;
    *longest = 0;
    for (unsigned unit = 1; unit < CHUNK_UNITS; unit++) {
        length = unit_is_free(chunk, unit) ? length + 1 : 0;
        if (length == units)
            return unit + 1 - units;
        if (length > *longest)
            *longest = length;
    }
    return 0;
}

static void bucket_remove(struct shard *shard, struct chunk *chunk)
{
    if (chunk->longest == 0)
        return;
    if (chunk->next != NULL)
        chunk->next->previous = chunk->previous;
    if (chunk->previous != NULL)
        chunk->previous->next = chunk->next;
    else
        shard->chunks[bucket_of(chunk->longest)] = chunk->next;
}

static void bucket_insert(struct shard *shard, struct chunk *chunk)
{
    if (chunk->longest == 0)
        return;
    struct chunk **first = &shard->chunks[bucket_of(chunk->longest)];
    chunk->previous = NULL;
    chunk->next = *first;
    if (chunk->next != NULL)
        chunk->next->previous = chunk;
    *first = chunk;
}

/* Takes or gives units, and puts the chunk where it then belongs. */
static void set_units(struct chunk *chunk, unsigned first, unsigned units, bool free)
{
    bucket_remove(chunk->shard, chunk);
    for (unsigned unit = first; unit < first + units; unit++)
        chunk->free[unit / 64] ^= (uint64_t)1 << unit % 64;
    unsigned longest;
    find_units(chunk, CHUNK_UNITS, &longest);
    if (free && longest == CHUNK_UNITS - 1)
        chunk->shard->empty_chunks++;
    else if (!free && chunk->longest == CHUNK_UNITS - 1)
        chunk->shard->empty_chunks--;
    chunk->longest = (uint8_t)longest;
    bucket_insert(chunk->shard, chunk);
}

static struct chunk *chunk_make(cairn_numa *numa, struct shard *shard)
{
    struct chunk *chunk = cairn__numa_map(numa, shard, CHUNK_SIZE, CHUNK_SIZE, SIZE_MAX);
    if (chunk == NULL)
        return NULL;
    if (numa->is_watched)
        cairn__show_unused((char *)chunk + UNIT_SIZE, CHUNK_SIZE - UNIT_SIZE);
    chunk->numa = numa;
    chunk->shard = shard;
    shard->chunk_count++;
    set_units(chunk, 1, CHUNK_UNITS - 1, true);
    return chunk;
}

static void chunk_end(cairn_numa *numa, struct chunk *chunk)
{
    struct shard *shard = chunk->shard;
    bucket_remove(shard, chunk);
    shard->chunk_count--;
    shard->empty_chunks--;
    cairn__numa_unmap(numa, chunk);
}

/* A chunk that has a row of so many units. */
static struct chunk *chunk_with(cairn_numa *numa, struct shard *shard, unsigned units)
{
    unsigned bucket = bucket_of(units), sure = bucket_of(units * 2 - 1);
    unsigned looks = 0;
    for (struct chunk *chunk = shard->chunks[bucket]; chunk != NULL && looks < LOOKS;
         chunk = chunk->next, looks++)
        if (chunk->longest >= units)
            return chunk;
    for (bucket = sure; bucket < BUCKETS; bucket++)
        if (shard->chunks[bucket] != NULL)
            return shard->chunks[bucket];
    return chunk_make(numa, shard);
}

/* ---- runs ---- */

static void list_insert(struct shard *shard, struct run *run)
{
    struct run **first = &shard->runs[run->class];
    run->previous = NULL;
    run->next = *first;
    if (run->next != NULL)
        run->next->previous = run;
    *first = run;
}

static void list_remove(struct shard *shard, struct run *run)
{
    if (run->next != NULL)
        run->next->previous = run->previous;
    if (run->previous != NULL)
        run->previous->next = run->next;
    else
        shard->runs[run->class] = run->next;
}

static struct run *run_take(cairn_numa *numa, struct shard *shard, unsigned class, size_t size,
                            unsigned units)
{
    struct chunk *chunk = chunk_with(numa, shard, units);
    if (chunk == NULL)
        return NULL;
    unsigned longest, first = find_units(chunk, units, &longest);
    set_units(chunk, first, units, false);
    struct run *run = &chunk->runs[first];
    *run = (struct run){
        .size = (uint32_t)size,
        .capacity = (uint16_t)(((size_t)units << UNIT_SHIFT) / size),
        .class = (uint8_t) class,
        .units = (uint8_t)units,
    };
    for (unsigned i = 1; i < units; i++)
        run[i] = (struct run){.back = (uint8_t)i};
    return run;
}

/* It holds no block, and is in no list. */
static void run_give(cairn_numa *numa, struct chunk *chunk, struct run *run)
{
    unsigned units = run->units;
    run->units = 0;
    set_units(chunk, (unsigned)(run - chunk->runs), units, true);
    if (chunk->longest == CHUNK_UNITS - 1 && chunk->shard->empty_chunks > 1)
        chunk_end(numa, chunk);
}

/* ---- blocks ---- */

static void *block_take(const cairn_numa *numa, struct shard *shard, struct run *run)
{
    void *block = run->free;
    if (block != NULL)
        run->free = free_next(numa, block);
    else
        block = run_start(chunk_of(run), run) + (size_t)run->issued++ * run->size;
    run->used++;
    if (run->used == run->capacity)
        list_remove(shard, run);
    return block;
}

void *cairn__numa_alloc(cairn_numa *numa, struct shard *shard, unsigned class, unsigned units,
                        size_t asked)
{
    void *block = NULL;
    struct run *run;
    lock_acquire(&shard->lock);
    if (class == CLASS_SPAN) {
        run = run_take(numa, shard, class, (size_t)units << UNIT_SHIFT, units);
        if (run != NULL) {
            run->used = run->issued = 1;
            block = run_start(chunk_of(run), run);
        }
    } else {
        run = shard->runs[class];
        if (UNLIKELY(run == NULL)) {
            size_t size = cairn__numa_class_size(class);
            run = run_take(numa, shard, class, size, units_of_run(size));
            if (run != NULL)
                list_insert(shard, run);
        }
        if (LIKELY(run != NULL))
            block = block_take(numa, shard, run);
    }
    if (LIKELY(block != NULL)) {
        shard->blocks++;
        shard->bytes += asked;
    }
    lock_release(&shard->lock);
    return block;
}

static void block_give(cairn_numa *numa, struct chunk *chunk, struct run *run, void *block)
{
    struct shard *shard = chunk->shard;
    if (numa->is_watched)
        cairn__show_usable(block, sizeof(void *));
    *(void **)block = run->free;
    if (numa->is_watched)
        cairn__show_unused(block, sizeof(void *));
    run->free = block;
    if (run->used-- == run->capacity)
        list_insert(shard, run);
    if (UNLIKELY(run->used == 0) && (run->next != NULL || run->previous != NULL)) {
        list_remove(shard, run);
        run_give(numa, chunk, run);
    }
}

void cairn__numa_dealloc(cairn_numa *numa, void *ptr, size_t asked)
{
    struct chunk *chunk = chunk_of(ptr);
    struct shard *shard = chunk->shard;
    lock_acquire(&shard->lock);
    struct run *run = run_of(chunk, ptr);
    shard->blocks--;
    shard->bytes -= asked;
    if (run->class == CLASS_SPAN)
        run_give(numa, chunk, run);
    else
        block_give(numa, chunk, run, ptr);
    lock_release(&shard->lock);
}

void cairn__numa_resized(void *ptr, size_t old_asked, size_t asked)
{
    struct shard *shard = chunk_of(ptr)->shard;
    lock_acquire(&shard->lock);
    shard->bytes += asked - old_asked;
    lock_release(&shard->lock);
}

size_t cairn__numa_trim_shard(cairn_numa *numa, struct shard *shard)
{
    lock_acquire(&shard->lock);
    size_t before = shard->chunk_count;
    for (unsigned class = 0; class < CLASSES; class ++) {
        struct run *run = shard->runs[class];
        while (run != NULL) {
            struct run *next = run->next;
            if (run->used == 0) {
                list_remove(shard, run);
                run_give(numa, chunk_of(run), run);
            }
            run = next;
        }
    }
    struct chunk *chunk = shard->chunks[BUCKETS - 1];
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        if (chunk->longest == CHUNK_UNITS - 1)
            chunk_end(numa, chunk);
        chunk = next;
    }
    size_t given = (before - shard->chunk_count) * CHUNK_SIZE;
    lock_release(&shard->lock);
    return given;
}
