/* SPDX-License-Identifier: MIT */
/*
 * See cairn/cached_pool.h; cached_levels.h for what is behind a thread's cache.
 *
 * If a tool watches, no cache gets a seat, and all calls come to the slow path and tell the tool.
 */
#include "kit/cached_levels.h"

#include "base/bits.h"
#include "base/visible.h"
#include "cairn/system.h"

enum {
    DEPOTS_MAX = 64,
    MAGAZINE_BYTES = 16 * 1024, /* of blocks */
    MAGAZINE_LEAST = 8,
    MAGAZINE_MOST = 128,
    OPTION_MAX = 4096,
    DEPOT_MAGAZINES = 8,
};

/* ---- blocks, the slow way ---- */

static void *pop_round(struct cache *cache)
{
    if (cache->count == 0 && cache->previous_count != 0)
        cache_swap(cache);
    return cache->count != 0 ? cache->loaded->rounds[--cache->count] : NULL;
}

/* False: both are full. */
static bool push_round(const struct cairn_cached_pool *pool, struct cache *cache, void *ptr)
{
    if (cache->count == pool->magazine_blocks && cache->previous_count != pool->magazine_blocks)
        cache_swap(cache);
    if (cache->count == pool->magazine_blocks)
        return false;
    cache->loaded->rounds[cache->count++] = ptr;
    return true;
}

/* Under the depot's lock. */
static void *alloc_from(struct cairn_cached_pool *pool, struct depot *depot, struct cache *cache)
{
    enum level level = L1;
    void *ptr = pop_round(cache);
    if (ptr == NULL) {
        level = cairn__cache_refill(pool, depot, cache);
        ptr = pop_round(cache);
    }
    if (ptr == NULL)
        return NULL;
    count_up(&cache->allocs[L1]);
    if (level != L1)
        count_up(&cache->allocs[level]);
    return ptr;
}

/* Under the depot's lock, which has no magazines: a full one of the store's cannot be swapped for. */
static void *alloc_from_store(struct cairn_cached_pool *pool, struct cache *cache)
{
    struct store *store = &pool->store;
    void *ptr = NULL;
    lock_acquire(&pool->lock);
    struct magazine *full = store->stored == 0 ? pop(&pool->full) : NULL;
    if (full != NULL) {
        cairn__store_give(store, full->rounds, pool->magazine_blocks);
        push(&pool->empty, full);
    }
    if (store->stored != 0 || cairn__store_grow(store, size_max(store->total, store->first_blocks)))
        cairn__store_take(store, &ptr, 1);
    lock_release(&pool->lock);
    if (ptr != NULL) {
        count_up(&cache->allocs[L1]);
        count_up(&cache->allocs[L3]);
    }
    return ptr;
}

/* Under the depot's lock: whether its own cache has magazines. */
static bool equip(struct cairn_cached_pool *pool, struct cache *own)
{
    if (own->loaded != NULL)
        return true;
    lock_acquire(&pool->lock);
    bool is_equipped = cairn__cache_equip(pool, own);
    lock_release(&pool->lock);
    return is_equipped;
}

static void *alloc_once(struct cairn_cached_pool *pool, struct cache *cache)
{
    struct depot *depot = depot_here(pool);
    lock_acquire(&depot->lock);
    void *ptr;
    if (cache != NULL)
        ptr = alloc_from(pool, depot, cache);
    else if (equip(pool, &depot->own))
        ptr = alloc_from(pool, depot, &depot->own);
    else
        ptr = alloc_from_store(pool, &depot->own);
    lock_release(&depot->lock);
    return ptr;
}

static NOINLINE void *alloc_slow(struct cairn_cached_pool *pool, struct cache *cache)
{
    void *ptr = NULL;
    if (cache == NULL)
        cache = cairn__cache_begin(pool);
    if (cache != NULL && (ptr = pop_round(cache)) != NULL)
        count_up(&cache->allocs[L1]);
    if (ptr == NULL)
        ptr = alloc_once(pool, cache);
    if (UNLIKELY(ptr == NULL)) {
        cairn__depots_gather(pool);
        ptr = alloc_once(pool, cache);
    }
    if (UNLIKELY(pool->store.is_watched) && ptr != NULL)
        cairn__show_alloc(pool, ptr, pool->store.size);
    return ptr;
}

static void dealloc_to_depot(struct cairn_cached_pool *pool, struct cache *cache, void *ptr)
{
    struct depot *depot = depot_here(pool);
    enum level level = L1;
    lock_acquire(&depot->lock);
    if (cache == NULL)
        cache = &depot->own;
    if (cache->loaded != NULL || equip(pool, cache)) {
        if (!push_round(pool, cache, ptr)) {
            level = cairn__cache_drain(pool, depot, cache);
            push_round(pool, cache, ptr);
        }
    } else {
        level = L3;
        lock_acquire(&pool->lock);
        cairn__store_give(&pool->store, &ptr, 1);
        lock_release(&pool->lock);
    }
    count_up(&cache->deallocs[L1]);
    if (level != L1)
        count_up(&cache->deallocs[level]);
    lock_release(&depot->lock);
}

/* Tells the tool. False: it is no block; to hide it might hide what is another's. */
static bool hide(struct cairn_cached_pool *pool, void *ptr)
{
    lock_acquire(&pool->lock);
    bool is_block = cairn__store_lacks(&pool->store, ptr);
    lock_release(&pool->lock);
    if (is_block)
        cairn__show_dealloc(pool, ptr, pool->store.size);
    return is_block;
}

static NOINLINE void dealloc_slow(struct cairn_cached_pool *pool, struct cache *cache, void *ptr)
{
    if (UNLIKELY(pool->store.is_watched) && !hide(pool, ptr))
        return;
    if (cache == NULL)
        cache = cairn__cache_begin(pool);
    if (cache != NULL && push_round(pool, cache, ptr))
        count_up(&cache->deallocs[L1]);
    else
        dealloc_to_depot(pool, cache, ptr);
}

/* ---- blocks ---- */

CAIRN_EXPORT void *cairn_cached_pool_alloc(cairn_cached_pool *pool)
{
    struct cache *cache = seated_cache(pool);
    if (UNLIKELY(cache == NULL || cache->count == 0))
        return alloc_slow(pool, cache);
    count_up(&cache->allocs[L1]);
    return cache->loaded->rounds[--cache->count];
}

CAIRN_EXPORT void cairn_cached_pool_dealloc(cairn_cached_pool *pool, void *ptr)
{
    if (UNLIKELY(ptr == NULL))
        return;
    struct cache *cache = seated_cache(pool);
    if (UNLIKELY(cache == NULL || cache->count == pool->magazine_blocks)) {
        dealloc_slow(pool, cache, ptr);
        return;
    }
    count_up(&cache->deallocs[L1]);
    cache->loaded->rounds[cache->count++] = ptr;
}

CAIRN_EXPORT void cairn_cached_pool_flush(cairn_cached_pool *pool)
{
    struct cache *cache = pool->has_slot ? cairn__os_slot_get(&pool->slot) : NULL;
    if (cache == NULL)
        cache = seated_cache(pool); /* of a thread that is no more, see cache_with */
    if (cache == NULL)
        return;
    cairn__os_slot_set(&pool->slot, NULL);
    cairn__cache_end(cache);
}

CAIRN_EXPORT bool cairn_cached_pool_owns(const cairn_cached_pool *pool, const void *ptr)
{
    return cairn__store_owns(&pool->store, ptr);
}

CAIRN_EXPORT size_t cairn_cached_pool_trim(cairn_cached_pool *pool)
{
    cairn_cached_pool_flush(pool);
    cairn__depots_gather(pool);
    lock_acquire(&pool->lock);
    size_t before = pool->store.bytes;
    cairn__magazines_give_back(pool);
    cairn__store_trim(&pool->store);
    size_t given = before - pool->store.bytes;
    lock_release(&pool->lock);
    return given;
}

/* ---- the interface ---- */

static void *pool_alloc(void *self, cairn_layout layout)
{
    cairn_cached_pool *pool = self;
    if (layout.size > pool->store.size || layout.align > pool->store.align)
        return NULL;
    return cairn_cached_pool_alloc(pool);
}

static void pool_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)layout;
    cairn_cached_pool_dealloc(self, ptr);
}

static void *pool_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    (void)layout;
    return new_size <= ((cairn_cached_pool *)self)->store.size ? ptr : NULL;
}

static bool pool_owns(void *self, const void *ptr)
{
    return cairn_cached_pool_owns(self, ptr);
}

static size_t pool_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr, (void)layout;
    return ((cairn_cached_pool *)self)->store.size;
}

CAIRN_EXPORT cairn_allocator cairn_cached_pool_allocator(cairn_cached_pool *pool)
{
    static const cairn_allocator_ops ops = {
        .name = "cached_pool",
        .alloc = pool_alloc,
        .dealloc = pool_dealloc,
        .realloc = pool_realloc,
        .owns = pool_owns,
        .usable_size = pool_usable_size,
    };
    return (cairn_allocator){&ops, pool};
}

/* ---- begin and end ---- */

static void on_thread_end(void *word)
{
    cairn__cache_end(word);
}

static cairn_layout layout_of(uint32_t depot_count)
{
    return (cairn_layout){sizeof(struct cairn_cached_pool) + depot_count * sizeof(struct depot),
                          _Alignof(struct cairn_cached_pool)};
}

static uint32_t option_of(unsigned value, size_t none, size_t most)
{
    return (uint32_t)size_min(value != 0 ? value : none, most);
}

CAIRN_EXPORT cairn_cached_pool *cairn_cached_pool_create(cairn_layout block,
                                                         const cairn_cached_pool_opts *opts)
{
    static const cairn_cached_pool_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    cairn_allocator source = opts->source.ops != NULL ? opts->source : cairn_system();
    uint32_t depots = option_of(opts->depots, cairn__os_processor_count(), DEPOTS_MAX);
    struct cairn_cached_pool *pool = cairn_allocator_alloc_zeroed(source, layout_of(depots));
    if (pool == NULL)
        return NULL;
    struct store *store = &pool->store;
    store->source = source;
    store->is_watched = cairn__is_watched();
    store->bytes = layout_of(depots).size;
    store->source_calls = 1;
    pool->depot_count = depots;
    cairn__show_begin(pool);
    if (!cairn__store_init(store, block, opts->first_blocks, opts->max_blocks)) {
        cairn_cached_pool_destroy(pool);
        return NULL;
    }
    size_t magazine = size_max(MAGAZINE_BYTES / store->stride, MAGAZINE_LEAST);
    pool->magazine_blocks = option_of(opts->magazine_blocks, size_min(magazine, MAGAZINE_MOST),
                                      OPTION_MAX);
    pool->depot_magazines = option_of(opts->depot_magazines, DEPOT_MAGAZINES, OPTION_MAX);
    while (store->total < store->first_blocks)
        if (!cairn__store_grow(store, store->first_blocks - store->total)) {
            cairn_cached_pool_destroy(pool);
            return NULL;
        }
    pool->has_slot = cairn__os_slot_init(&pool->slot, on_thread_end);
    return pool;
}

CAIRN_EXPORT void cairn_cached_pool_destroy(cairn_cached_pool *pool)
{
    if (pool == NULL)
        return;
    cairn__show_end(pool); /* hides what is live: before it is shown to its next user */
    struct store *store = &pool->store;
    if (pool->has_slot)
        cairn__os_slot_fini(&pool->slot);
    cairn__store_fini(store);
    while (pool->magazines != NULL) {
        struct magazine *magazine = pool->magazines;
        pool->magazines = magazine->all;
        cairn__store_dealloc(store, magazine, cairn__magazine_layout(pool));
    }
    while (pool->caches != NULL) {
        struct cache *cache = pool->caches;
        pool->caches = cache->all;
        cairn__store_dealloc(store, cache, cairn_layout_of(struct cache));
    }
    cairn_allocator_dealloc(store->source, pool, layout_of(pool->depot_count));
}

CAIRN_EXPORT void cairn_cached_pool_before_fork(cairn_cached_pool *pool)
{
    for (uint32_t i = 0; i < pool->depot_count; i++)
        lock_acquire(&pool->depots[i].lock);
    lock_acquire(&pool->lock);
}

CAIRN_EXPORT void cairn_cached_pool_after_fork(cairn_cached_pool *pool, bool in_child)
{
    if (in_child)
        cairn__cache_lose_others(pool);
    lock_release(&pool->lock);
    for (uint32_t i = pool->depot_count; i-- > 0;)
        lock_release(&pool->depots[i].lock);
}
