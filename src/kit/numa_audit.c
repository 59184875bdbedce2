/* SPDX-License-Identifier: MIT */
/*
 * The numa allocator looked at from outside: its figures, in numbers and in words, its blocks, and
 * whether all that it has noted is true. Takes all its locks, and changes nothing.
 */
#include "kit/numa_heap.h"

#include "base/print.h"

/* The locks are all that is written here. */
static cairn_numa *lock_all(const cairn_numa *numa)
{
    cairn_numa *open = (cairn_numa *)(uintptr_t)numa;
    for (unsigned i = 0; i < open->shard_count; i++)
        lock_acquire(&open->shards[i].lock);
    lock_acquire(&open->memory_lock);
    return open;
}

static void unlock_all(cairn_numa *numa)
{
    lock_release(&numa->memory_lock);
    for (unsigned i = numa->shard_count; i-- > 0;)
        lock_release(&numa->shards[i].lock);
}

/* ---- figures ---- */

CAIRN_EXPORT void cairn_numa_stats_get(const cairn_numa *numa, cairn_numa_stats *stats)
{
    cairn_node_set online = cairn_numa_nodes();
    cairn_numa *open = lock_all(numa);
    bool has_set = numa->policy == CAIRN_NUMA_BIND || numa->policy == CAIRN_NUMA_INTERLEAVE;
    *stats = (cairn_numa_stats){
        .policy = numa->policy,
        .is_effective = numa->is_effective,
        .is_single = cairn_node_set_count(&online) == 1,
        .nodes = cairn_node_set_count(has_set ? &numa->nodes : &online),
        .blocks = numa->large,
        .bytes = numa->large_bytes,
        .mapped = numa->mapped,
        .large = numa->large,
    };
    for (unsigned i = 0; i < numa->shard_count; i++) {
        stats->blocks += numa->shards[i].blocks;
        stats->bytes += numa->shards[i].bytes;
        stats->chunks += numa->shards[i].chunk_count;
    }
    unlock_all(open);
}

static void put_nodes(struct text *text, const cairn_node_set *set)
{
    const char *between = "";
    for (int first = 0; first < NODES_MAX; first++) {
        if (!cairn_node_set_has(set, first))
            continue;
        int last = first;
        while (cairn_node_set_has(set, last + 1))
            last++;
        cairn__text_put(text, between);
        cairn__text_uint(text, (uint64_t)first);
        if (last > first) {
            cairn__text_put(text, "-");
            cairn__text_uint(text, (uint64_t)last);
        }
        first = last;
        between = ",";
    }
}

CAIRN_EXPORT void cairn_numa_describe(const cairn_numa *numa, char *bytes, size_t size)
{
    static const char *const names[] = {
        [CAIRN_NUMA_LOCAL] = "local",
        [CAIRN_NUMA_BIND] = "bind to nodes ",
        [CAIRN_NUMA_INTERLEAVE] = "interleave over nodes ",
        [CAIRN_NUMA_FIRST_TOUCH] = "first touch",
    };
    if (size == 0)
        return;
    cairn_numa_stats stats;
    cairn_numa_stats_get(numa, &stats);
    struct text text = {bytes, size - 1, 0};
    cairn__text_put(&text, names[stats.policy]);
    if (stats.policy == CAIRN_NUMA_BIND || stats.policy == CAIRN_NUMA_INTERLEAVE) {
        cairn_numa *open = lock_all(numa);
        put_nodes(&text, &numa->nodes);
        unlock_all(open);
    }
    cairn__text_put(&text, ", ");
    cairn__text_size(&text, stats.bytes);
    cairn__text_put(&text, " in ");
    cairn__text_uint(&text, stats.blocks);
    cairn__text_put(&text, stats.blocks == 1 ? " block" : " blocks");
    if (!stats.is_effective)
        cairn__text_put(&text, "; first touch in truth: the system refuses policies");
    if (stats.is_single)
        cairn__text_put(&text, "; this machine has one node");
    bytes[text.length] = '\0';
}

/* ---- blocks ---- */

enum { BLOCKS_MAX = UNIT_SIZE / 16 };

/* One bit for each block of a run that is free; how many. SIZE_MAX: the list is broken. */
static size_t free_blocks(const cairn_numa *numa, const struct chunk *chunk, const struct run *run,
                          uint64_t *free)
{
    size_t count = 0;
    memset(free, 0, BLOCKS_MAX / 8);
    for (char *block = run->free; block != NULL;) {
        size_t offset = (size_t)(block - run_start(chunk, run)), i = offset / run->size;
        if (offset % run->size != 0 || i >= run->issued || (free[i / 64] >> i % 64 & 1) != 0)
            return SIZE_MAX;
        free[i / 64] |= (uint64_t)1 << i % 64;
        count++;
        char *next = free_next(numa, block);
        if (numa->is_watched)
            cairn__show_unused(block, sizeof(void *));
        block = next;
    }
    return count;
}

static bool visit_run(const cairn_numa *numa, const struct chunk *chunk, const struct run *run,
                      cairn_visitor *visitor, void *context)
{
    uint64_t free[BLOCKS_MAX / 64] = {0};
    char *start = run_start(chunk, run);
    if (run->class != CLASS_SPAN)
        free_blocks(numa, chunk, run, free);
    for (size_t i = 0; i < run->issued; i++)
        if (!visitor(context, start + i * run->size, run->size, (free[i / 64] >> i % 64 & 1) == 0))
            return false;
    size_t issued = (size_t)run->issued * run->size, size = (size_t)run->units << UNIT_SHIFT;
    return issued == size || visitor(context, start + issued, size - issued, false);
}

static bool visit_chunk(const cairn_numa *numa, const struct chunk *chunk, cairn_visitor *visitor,
                        void *context)
{
    for (unsigned unit = 1; unit < CHUNK_UNITS;) {
        const struct run *run = &chunk->runs[unit];
        unsigned end = unit;
        while (end < CHUNK_UNITS && (chunk->free[end / 64] >> end % 64 & 1) != 0)
            end++;
        bool goes_on = end == unit ? visit_run(numa, chunk, run, visitor, context)
                                   : visitor(context, (char *)chunk + ((size_t)unit << UNIT_SHIFT),
                                             (size_t)(end - unit) << UNIT_SHIFT, false);
        if (!goes_on)
            return false;
        unit = end == unit ? unit + run->units : end;
    }
    return true;
}

CAIRN_EXPORT bool cairn_numa_visit(const cairn_numa *numa, cairn_visitor *visitor, void *context)
{
    cairn_numa *open = lock_all(numa);
    bool goes_on = true;
    for (size_t i = 0; i < numa->mapping_count && goes_on; i++) {
        const struct mapping *mapping = &numa->mappings[i];
        goes_on = mapping->asked == SIZE_MAX
                      ? visit_chunk(numa, chunk_of(mapping->base), visitor, context)
                      : visitor(context, mapping->base, mapping->size, true);
    }
    unlock_all(open);
    return goes_on;
}

/* ---- audit ---- */

struct sum {
    size_t chunks, mapped, large, large_bytes;
    size_t blocks;   /* in chunks */
    size_t not_full; /* runs that should be in a list */
};

static const char *audit_run(const cairn_numa *numa, const struct chunk *chunk,
                             const struct run *run, struct sum *sum)
{
    uint64_t free[BLOCKS_MAX / 64];
    if (run->units == 0 || run->back != 0 || run->used > run->issued ||
        run->issued > run->capacity ||
        (size_t)run->capacity * run->size > (size_t)run->units << UNIT_SHIFT)
        return "a run's figures cannot be";
    for (unsigned i = 0; i < run->units; i++)
        if (run[i].back != i)
            return "a unit belongs to no run";
    sum->blocks += run->used;
    if (run->class == CLASS_SPAN)
        return run->capacity == 1 && run->used == 1 ? NULL : "a span is not one block";
    if (run->class >= CLASSES || run->size != cairn__numa_class_size(run->class))
        return "a run has the wrong class";
    if (free_blocks(numa, chunk, run, free) != (size_t)(run->issued - run->used))
        return "a run's free blocks are not counted right";
    sum->not_full += run->used < run->capacity;
    return NULL;
}

static const char *audit_chunk(const cairn_numa *numa, const struct chunk *chunk, struct sum *sum)
{
    unsigned length = 0, longest = 0;
    if (chunk->numa != numa || (chunk->free[0] & 1) != 0)
        return "a chunk is not what it should be";
    for (unsigned unit = 1; unit < CHUNK_UNITS;) {
        bool is_free = (chunk->free[unit / 64] >> unit % 64 & 1) != 0;
        length = is_free ? length + 1 : 0;
        longest = length > longest ? length : longest;
        const struct run *run = &chunk->runs[unit];
        const char *wrong = is_free ? NULL : audit_run(numa, chunk, run, sum);
        if (wrong != NULL)
            return wrong;
        for (unsigned i = 0; i < run->units && !is_free; i++)
            if (unit + i >= CHUNK_UNITS ||
                (chunk->free[(unit + i) / 64] >> (unit + i) % 64 & 1) != 0)
                return "a run lies in free units";
        unit += is_free ? 1 : run->units;
    }
    return longest == chunk->longest ? NULL : "a chunk's longest row is not that";
}

static const char *audit_shard(const struct shard *shard, struct sum *sum)
{
    size_t chunks = 0, empty = 0;
    for (unsigned class = 0; class < CLASSES; class ++)
        for (const struct run *run = shard->runs[class], *previous = NULL; run != NULL;
             previous = run, run = run->next) {
            if (run->class != class || run->previous != previous || run->used >= run->capacity ||
                chunk_of(run)->shard != shard || sum->not_full-- == 0)
                return "a list of runs is broken";
        }
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        for (const struct chunk *chunk = shard->chunks[bucket], *previous = NULL; chunk != NULL;
             previous = chunk, chunk = chunk->next) {
            if (chunk->shard != shard || chunk->previous != previous || chunk->longest == 0 ||
                log2_floor(chunk->longest) != bucket || ++chunks > shard->chunk_count)
                return "a list of chunks is broken";
            empty += chunk->longest == CHUNK_UNITS - 1;
        }
    if (empty != shard->empty_chunks || empty > 1)
        return "empty chunks are not counted right";
    sum->chunks -= shard->chunk_count;
    sum->blocks -= shard->blocks;
    return NULL;
}

static const char *audit(const cairn_numa *numa)
{
    struct sum sum = {0};
    const char *wrong = NULL;
    for (size_t i = 0; i < numa->mapping_count && wrong == NULL; i++) {
        const struct mapping *mapping = &numa->mappings[i];
        if (i > 0 && mapping[-1].base + mapping[-1].size > mapping->base)
            return "mappings are not sorted";
        sum.mapped += mapping->size;
        if (mapping->asked == SIZE_MAX) {
            sum.chunks++;
            wrong = audit_chunk(numa, chunk_of(mapping->base), &sum);
        } else {
            sum.large++;
            sum.large_bytes += mapping->asked;
        }
    }
    for (unsigned i = 0; i < numa->shard_count && wrong == NULL; i++)
        wrong = audit_shard(&numa->shards[i], &sum);
    if (wrong == NULL && (sum.chunks != 0 || sum.blocks != 0 || sum.not_full != 0))
        wrong = "chunks, runs or blocks are not counted right";
    if (wrong == NULL && (sum.mapped != numa->mapped || sum.large != numa->large ||
                          sum.large_bytes != numa->large_bytes))
        wrong = "large blocks are not counted right";
    return wrong;
}

CAIRN_EXPORT const char *cairn_numa_audit(const cairn_numa *numa)
{
    cairn_numa *open = lock_all(numa);
    const char *wrong = audit(numa);
    unlock_all(open);
    return wrong;
}
