/* SPDX-License-Identifier: MIT */
/*
 * What the files of the numa allocator share.
 *
 * A chunk is 2 MiB, aligned to that, so that a block's chunk is found by its address; 128 units of 16
 * KiB, of which the first holds the chunk's notes. A run is some units: blocks of one class, or one
 * block (a span). Which of these a block is in follows from its layout alone.
 *     a run is in its shard's list of its class  <=>  0 <= used < capacity, and it is no span
 *     used = issued - blocks in its free list
 *     free units of a chunk + units of its runs + 1 = 128
 *
 * Locks: a shard's, then the memory lock, under which all system calls are made. A shard's fields,
 * its chunks and their runs belong to its lock; which mappings there are, and the policy for new
 * ones, to the memory lock.
 */
#ifndef CAIRN_KIT_NUMA_HEAP_H
#define CAIRN_KIT_NUMA_HEAP_H

#include "cairn/numa.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/visible.h"
#include "os/lock.h"
#include "os/numa.h"
#include "os/os.h"

enum {
    UNIT_SHIFT = 14,
    UNIT_SIZE = 1 << UNIT_SHIFT,
    CHUNK_SIZE = 2 << 20,
    CHUNK_UNITS = CHUNK_SIZE / UNIT_SIZE,

    SMALL_MAX = 32 << 10, /* bytes of a block in a run of equal ones */
    SPAN_MAX = 1 << 20,   /* bytes of a block in a chunk */
    CLASSES = 40,         /* by 16 up to 128 bytes, then four for each doubling */
    CLASS_SPAN = CLASSES,
    CLASS_LARGE,

    SHARDS_MAX = 8, /* for each node */
    BUCKETS = 7, /* chunks by the length of their longest row of free units: 1, 2-3, ... 64-127 */
};

/* ---- in a chunk ---- */

struct run {
    struct run *next, *previous; /* of its class; not full */
    void *free;                  /* blocks that came back, linked through their first words */
    uint32_t size;               /* of a block */
    uint16_t capacity;
    uint16_t issued; /* blocks that were ever handed out: the first ones */
    uint16_t used;
    uint8_t class;
    uint8_t units; /* 0: no run begins here */
    uint8_t back;  /* units back to its first one */
};

struct chunk {
    struct cairn_numa *numa;
    struct shard *shard;
    struct chunk *next, *previous; /* in its bucket; not full */
    uint64_t free[CHUNK_UNITS / 64];
    uint8_t longest; /* row of free units */
    struct run runs[CHUNK_UNITS];
};

_Static_assert(sizeof(struct chunk) <= UNIT_SIZE, "a chunk's notes fit into its first unit");

/* ---- the allocator ---- */

struct shard {
    struct lock lock;
    uint16_t node; /* for the local policy */
    struct run *runs[CLASSES];
    struct chunk *chunks[BUCKETS];
    size_t chunk_count, empty_chunks;
    size_t blocks, bytes; /* live; as asked for */
} ALIGNED(CACHE_LINES);

/* Chunks, and large blocks. */
struct mapping {
    char *base;
    size_t size;
    size_t asked; /* by a large block's layout; chunks: SIZE_MAX */
};

struct cairn_numa {
    /* set once */
    cairn_numa_policy policy;
    bool is_watched;
    size_t state_size; /* of this mapping: the struct, the shards, the processors' nodes */
    unsigned shards_of_node, shard_count;
    unsigned processors;
    _Atomic uint16_t
        *shards_of_processor; /* the first one's index + 1 for its node; 0: not known */
    struct shard *shards;

    struct lock memory_lock;
    bool is_effective;
    cairn_node_set nodes;     /* of bind and interleave */
    struct mapping *mappings; /* sorted by address */
    size_t mapping_count, mapping_capacity;
    size_t mapped, large, large_bytes;
};

/* ---- numa_mapping.c ---- */

/* Whether the system has refused a call as such, and not what it was asked for. */
bool cairn__numa_is_refused(int error);

/* Memory with the policy, for a chunk of this shard or, asked not SIZE_MAX, a large block. NULL: none. */
void *cairn__numa_map(cairn_numa *numa, const struct shard *shard, size_t size, size_t align,
                      size_t asked);
/* Gives such memory back, whole. */
void cairn__numa_unmap(cairn_numa *numa, void *base);
/* Resizes a large block, in its place or elsewhere, without copying. NULL: it cannot be done. */
void *cairn__numa_remap(cairn_numa *numa, void *base, size_t align, size_t asked);
/* The mapping that ptr lies in, or NULL; the memory lock is held. */
struct mapping *cairn__numa_mapping_of(const cairn_numa *numa, const void *ptr);

static inline size_t whole_pages(size_t size)
{
    return round_up(size_max(size, 1), cairn__os_page_size());
}

/* ---- numa_chunk.c ---- */

/* Bytes of a block of a class. */
size_t cairn__numa_class_size(unsigned class);
/* The class of a block; and in *units, of a span, how many. */
unsigned cairn__numa_class_of(cairn_layout layout, unsigned *units);

void *cairn__numa_alloc(cairn_numa *numa, struct shard *shard, unsigned class, unsigned units,
                        size_t asked);
void cairn__numa_dealloc(cairn_numa *numa, void *ptr, size_t asked);
/* A block in a chunk keeps its place under a new layout. */
void cairn__numa_resized(void *ptr, size_t old_asked, size_t asked);
/* Gives back runs and chunks without blocks; bytes given to the system. */
size_t cairn__numa_trim_shard(cairn_numa *numa, struct shard *shard);

static inline struct chunk *chunk_of(const void *ptr)
{
    return (struct chunk *)((uintptr_t)ptr & ~(uintptr_t)(CHUNK_SIZE - 1));
}

static inline struct run *run_of(struct chunk *chunk, const void *ptr)
{
    size_t unit = (size_t)((const char *)ptr - (const char *)chunk) >> UNIT_SHIFT;
    return &chunk->runs[unit - chunk->runs[unit].back];
}

static inline char *run_start(const struct chunk *chunk, const struct run *run)
{
    return (char *)chunk + ((size_t)(run - chunk->runs) << UNIT_SHIFT);
}

/* The word of a free block that holds the next one's address. */
static inline void *free_next(const cairn_numa *numa, void *block)
{
    if (UNLIKELY(numa->is_watched))
        cairn__show_readable(block, sizeof(void *));
    return *(void **)block;
}

#endif
