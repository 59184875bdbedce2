/* SPDX-License-Identifier: MIT */
/*
 * What can be asked of a cached pool, and is not needed to serve it. Audit and visit count the
 * blocks in magazines into the store for a while, so that each block has one bit that says whether
 * it is free; a block that is free twice is found when its bit is set for the second time.
 */
#include "kit/cached_levels.h"

/* What is done to each block in a magazine; false ends it. */
typedef bool round_visitor(struct store *store, const void *ptr, size_t *left);

static bool each_in(struct cairn_cached_pool *pool, const struct magazine *magazine, uint32_t count,
                    round_visitor *visit, size_t *left)
{
    for (uint32_t i = 0; i < count; i++)
        if (!visit(&pool->store, magazine->rounds[i], left))
            return false;
    return true;
}

static bool each_in_list(struct cairn_cached_pool *pool, const struct list *list,
                         round_visitor *visit, size_t *left)
{
    for (const struct magazine *magazine = list->first; magazine != NULL; magazine = magazine->next)
        if (!each_in(pool, magazine, pool->magazine_blocks, visit, left))
            return false;
    return true;
}

static bool each_in_cache(struct cairn_cached_pool *pool, const struct cache *cache,
                          round_visitor *visit, size_t *left)
{
    return cache->is_lost || cache->loaded == NULL ||
           (each_in(pool, cache->loaded, cache->count, visit, left) &&
            each_in(pool, cache->previous, cache->previous_count, visit, left));
}

/* Each block in a magazine, always in the same order. */
static bool each_round(struct cairn_cached_pool *pool, round_visitor *visit, size_t *left)
{
    for (const struct cache *cache = pool->caches; cache != NULL; cache = cache->all)
        if (!each_in_cache(pool, cache, visit, left))
            return false;
    for (uint32_t i = 0; i < pool->depot_count; i++)
        if (!each_in_cache(pool, &pool->depots[i].own, visit, left) ||
            !each_in_list(pool, &pool->depots[i].full, visit, left))
            return false;
    return each_in_list(pool, &pool->full, visit, left);
}

static bool mark(struct store *store, const void *ptr, size_t *marked)
{
    if (!cairn__store_mark(store, ptr))
        return false;
    ++*marked;
    return true;
}

/* Stops after as many as were marked. */
static bool unmark(struct store *store, const void *ptr, size_t *left)
{
    if (*left == 0)
        return false;
    cairn__store_unmark(store, ptr);
    --*left;
    return true;
}

/* ---- audit ---- */

static bool is_sound_list(const struct list *list, size_t most)
{
    size_t count = 0;
    for (const struct magazine *magazine = list->first; magazine != NULL && count <= most;
         magazine = magazine->next)
        count++;
    return count == list->count && count <= most;
}

static bool is_sound_cache(const struct cairn_cached_pool *pool, const struct cache *cache)
{
    if (cache->is_lost)
        return true;
    if (cache->loaded == NULL)
        return cache->previous == NULL && cache->count == 0 && cache->previous_count == 0;
    return cache->previous != NULL && cache->previous != cache->loaded &&
           cache->count <= pool->magazine_blocks && cache->previous_count <= pool->magazine_blocks;
}

static const char *audit_magazines(const struct cairn_cached_pool *pool)
{
    size_t all = pool->magazine_count;
    size_t placed = pool->full.count + pool->empty.count;
    bool is_lost = false;
    if (!is_sound_list(&pool->full, all) || !is_sound_list(&pool->empty, all))
        return "a list of magazines is not as long as it says";
    for (const struct cache *cache = pool->caches; cache != NULL; cache = cache->all) {
        if (!is_sound_cache(pool, cache))
            return "a cache's magazines are not as they should be";
        placed += cache->loaded != NULL ? 2 : 0;
        is_lost |= cache->is_lost;
    }
    for (uint32_t i = 0; i < pool->depot_count; i++) {
        const struct depot *depot = &pool->depots[i];
        if (!is_sound_list(&depot->full, pool->depot_magazines) ||
            !is_sound_list(&depot->empty, pool->depot_magazines))
            return "a depot's list is not as long as it says, or too long";
        if (!is_sound_cache(pool, &depot->own))
            return "a depot's magazines are not as they should be";
        placed += depot->full.count + depot->empty.count + (depot->own.loaded != NULL ? 2 : 0);
    }
    return placed == all || is_lost ? NULL : "a magazine is nowhere, or in two places";
}

CAIRN_EXPORT const char *cairn_cached_pool_audit(const cairn_cached_pool *constant)
{
    struct cairn_cached_pool *pool = (struct cairn_cached_pool *)constant;
    const char *wrong = cairn__store_audit(&pool->store);
    if (wrong == NULL)
        wrong = audit_magazines(pool);
    if (wrong != NULL)
        return wrong;
    size_t marked = 0;
    if (!each_round(pool, mark, &marked))
        wrong = "a magazine has what is no block, or a block that is free already";
    each_round(pool, unmark, &marked);
    return wrong;
}

CAIRN_EXPORT bool cairn_cached_pool_visit(const cairn_cached_pool *constant, cairn_visitor *visitor,
                                          void *context)
{
    struct cairn_cached_pool *pool = (struct cairn_cached_pool *)constant;
    size_t marked = 0;
    each_round(pool, mark, &marked);
    bool is_whole = cairn__store_visit(&pool->store, visitor, context);
    each_round(pool, unmark, &marked);
    return is_whole;
}

/* ---- stats ---- */

/* What came to [L1] and went no further was answered there; a depot's own cache is of L2. */
static void add_counters(uint64_t sums[3], const _Atomic uint64_t counters[3], enum level lowest)
{
    uint64_t all = read_counter(&counters[L1]);
    uint64_t depot = read_counter(&counters[L2]);
    uint64_t store = read_counter(&counters[L3]);
    uint64_t further = (lowest == L1 ? depot : 0) + store;
    sums[lowest] += all > further ? all - further : 0;
    sums[L2] += lowest == L1 ? depot : 0;
    sums[L3] += store;
}

CAIRN_EXPORT cairn_cached_pool_stats cairn_cached_pool_stats_get(cairn_cached_pool *pool)
{
    cairn_cached_pool_stats stats = {.blocks = 0};
    lock_acquire(&pool->lock);
    for (const struct cache *cache = pool->caches; cache != NULL; cache = cache->all) {
        add_counters(stats.allocs, cache->allocs, L1);
        add_counters(stats.deallocs, cache->deallocs, L1);
        stats.threads += atomic_load_explicit(&cache->mark, memory_order_relaxed) != 0;
    }
    for (uint32_t i = 0; i < pool->depot_count; i++) {
        add_counters(stats.allocs, pool->depots[i].own.allocs, L2);
        add_counters(stats.deallocs, pool->depots[i].own.deallocs, L2);
    }
    const struct store *store = &pool->store;
    stats.refused = store->refused;
    stats.blocks = store->total;
    stats.stored = store->stored;
    for (uint32_t i = 0; i < STORE_CHUNKS; i++)
        stats.chunks += store->chunks[i] != NULL;
    stats.magazines = pool->magazine_count;
    stats.bytes = store->bytes;
    stats.source_calls = store->source_calls;
    lock_release(&pool->lock);
    return stats;
}
