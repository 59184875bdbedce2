/* SPDX-License-Identifier: MIT */
/* See cached_levels.h. */
#include "kit/cached_levels.h"

#include "base/bits.h"
#include "base/memory.h"

enum {
    TRY_AGAIN = 64, /* calls without a cache, once there was no memory for one */
    CACHE_LINE = 64,
};

/* ---- magazines; under the store's lock ---- */

/* Threads that have neighbours must not write to one line. */
cairn_layout cairn__magazine_layout(const struct cairn_cached_pool *pool)
{
    size_t size = sizeof(struct magazine) + pool->magazine_blocks * sizeof(void *);
    return (cairn_layout){round_up(size, CACHE_LINE), CACHE_LINE};
}

static struct magazine *take_magazine(struct cairn_cached_pool *pool)
{
    struct magazine *magazine = pop(&pool->empty);
    if (magazine != NULL)
        return magazine;
    magazine = cairn__store_alloc(&pool->store, cairn__magazine_layout(pool));
    if (magazine == NULL)
        return NULL;
    magazine->all = pool->magazines;
    magazine->is_idle = false;
    pool->magazines = magazine;
    pool->magazine_count++;
    return magazine;
}

bool cairn__cache_equip(struct cairn_cached_pool *pool, struct cache *cache)
{
    struct magazine *first = take_magazine(pool);
    struct magazine *second = first != NULL ? take_magazine(pool) : NULL;
    if (second == NULL) {
        if (first != NULL)
            push(&pool->empty, first);
        return false;
    }
    cache->loaded = first;
    cache->previous = second;
    cache->count = cache->previous_count = 0;
    return true;
}

/* A magazine with `count` blocks that has left a cache: full ones to a list that wants them. */
static void give_magazine(struct cairn_cached_pool *pool, struct depot *depot,
                          struct magazine *magazine, uint32_t count)
{
    if (count == pool->magazine_blocks && depot->full.count < pool->depot_magazines) {
        push(&depot->full, magazine);
    } else {
        cairn__store_give(&pool->store, magazine->rounds, count);
        push(&pool->empty, magazine);
    }
}

void cairn__depots_gather(struct cairn_cached_pool *pool)
{
    for (uint32_t i = 0; i < pool->depot_count; i++) {
        struct depot *depot = &pool->depots[i];
        struct cache *own = &depot->own;
        struct magazine *magazine;
        lock_acquire(&depot->lock);
        lock_acquire(&pool->lock);
        while ((magazine = pop(&depot->full)) != NULL) {
            cairn__store_give(&pool->store, magazine->rounds, pool->magazine_blocks);
            push(&pool->empty, magazine);
        }
        while ((magazine = pop(&depot->empty)) != NULL)
            push(&pool->empty, magazine);
        if (own->loaded != NULL) {
            cairn__store_give(&pool->store, own->loaded->rounds, own->count);
            cairn__store_give(&pool->store, own->previous->rounds, own->previous_count);
            own->count = own->previous_count = 0;
        }
        lock_release(&pool->lock);
        lock_release(&depot->lock);
    }
}

/* ---- a thread's cache begins and ends ---- */

/* Under the store's lock: one that nobody has, without magazines. */
static struct cache *new_cache(struct cairn_cached_pool *pool)
{
    struct cache *cache = pool->idle;
    if (cache != NULL) {
        pool->idle = cache->next;
        return cache;
    }
    cache = cairn__store_alloc(&pool->store, cairn_layout_of(struct cache));
    if (cache == NULL)
        return NULL;
    memset(cache, 0, sizeof *cache);
    cache->pool = pool;
    cache->all = pool->caches;
    pool->caches = cache;
    return cache;
}

/* Under the store's lock. The cache that has the caller's mark already: it is beginning, or a thread
 * that used the pool to the very end of its life has left it. */
static struct cache *cache_with(const struct cairn_cached_pool *pool, uintptr_t mark)
{
    struct cache *cache = pool->caches;
    while (cache != NULL && atomic_load_explicit(&cache->mark, memory_order_relaxed) != mark)
        cache = cache->all;
    return cache;
}

void cairn__cache_end(struct cache *cache)
{
    struct cairn_cached_pool *pool = cache->pool;
    struct cache *expected = cache;
    uintptr_t mark = atomic_load_explicit(&cache->mark, memory_order_relaxed);
    atomic_compare_exchange_strong_explicit(seat_of(pool, mark), &expected, NULL,
                                            memory_order_relaxed, memory_order_relaxed);
    struct depot *depot = depot_here(pool);
    lock_acquire(&depot->lock);
    lock_acquire(&pool->lock);
    give_magazine(pool, depot, cache->previous, cache->previous_count);
    give_magazine(pool, depot, cache->loaded, cache->count);
    cache->loaded = cache->previous = NULL;
    cache->count = cache->previous_count = 0;
    atomic_store_explicit(&cache->mark, 0, memory_order_relaxed);
    cache->next = pool->idle;
    pool->idle = cache;
    lock_release(&pool->lock);
    lock_release(&depot->lock);
}

static struct cache *find_or_make(struct cairn_cached_pool *pool)
{
    uintptr_t mark = cairn__os_thread_mark();
    lock_acquire(&pool->lock);
    struct cache *cache = cache_with(pool, mark);
    if (cache == NULL && (cache = new_cache(pool)) != NULL) {
        if (cairn__cache_equip(pool, cache)) {
            atomic_store_explicit(&cache->mark, mark, memory_order_relaxed);
        } else {
            cache->next = pool->idle;
            pool->idle = cache;
            cache = NULL;
        }
    }
    lock_release(&pool->lock);
    return cache;
}

/* A seat for the caller's cache, if it is free. */
static void sit(struct cairn_cached_pool *pool, struct cache *cache)
{
    uintptr_t mark = atomic_load_explicit(&cache->mark, memory_order_relaxed);
    _Atomic(struct cache *) *seat = seat_of(pool, mark);
    struct cache *none = NULL;
    if (!pool->store.is_watched && atomic_load_explicit(seat, memory_order_relaxed) == NULL)
        atomic_compare_exchange_strong_explicit(seat, &none, cache, memory_order_release,
                                                memory_order_relaxed);
}

/* Sets the thread's word, which may call malloc, and that this pool. */
static bool settle(struct cairn_cached_pool *pool, struct cache *cache)
{
    cache->is_beginning = true;
    bool is_set = cairn__os_slot_set(&pool->slot, cache);
    cache->is_beginning = false;
    return is_set;
}

struct cache *cairn__cache_begin(struct cairn_cached_pool *pool)
{
    if (!pool->has_slot)
        return NULL;
    struct cache *cache = cairn__os_slot_get(&pool->slot);
    if (cache != NULL) {
        sit(pool, cache);
        return cache;
    }
    if (atomic_load_explicit(&pool->refusals, memory_order_relaxed) != 0 &&
        atomic_fetch_add_explicit(&pool->refusals, 1, memory_order_relaxed) % TRY_AGAIN != 0)
        return NULL;
    cache = find_or_make(pool);
    if (cache != NULL && !cache->is_beginning && !settle(pool, cache)) {
        cairn__cache_end(cache);
        cache = NULL;
    }
    atomic_store_explicit(&pool->refusals, cache == NULL, memory_order_relaxed);
    if (cache != NULL && !cache->is_beginning)
        sit(pool, cache);
    return cache;
}

/* What the child sees of a cache that its thread used meanwhile may be of different moments; nobody
 * may have such a cache again. */
void cairn__cache_lose_others(struct cairn_cached_pool *pool)
{
    uintptr_t mark = cairn__os_thread_mark();
    for (struct cache *cache = pool->caches; cache != NULL; cache = cache->all) {
        uintptr_t of = atomic_load_explicit(&cache->mark, memory_order_relaxed);
        if (of == 0 || of == mark)
            continue;
        struct cache *expected = cache;
        atomic_compare_exchange_strong_explicit(seat_of(pool, of), &expected, NULL,
                                                memory_order_relaxed, memory_order_relaxed);
        atomic_store_explicit(&cache->mark, 0, memory_order_relaxed);
        cache->is_lost = true;
    }
}

/* ---- from level to level; under the depot's lock, the cache has its two magazines ---- */

/* From L3 into an empty loaded one. */
static enum level refill_from_store(struct cairn_cached_pool *pool, struct cache *cache)
{
    lock_acquire(&pool->lock);
    struct magazine *full = pop(&pool->full);
    if (full != NULL) {
        push(&pool->empty, cache->loaded);
        cache->loaded = full;
        cache->count = pool->magazine_blocks;
    } else {
        struct store *store = &pool->store;
        if (store->stored != 0 ||
            cairn__store_grow(store, size_max(store->total, store->first_blocks)))
            cache->count = (uint32_t)cairn__store_take(store, cache->loaded->rounds,
                                                       pool->magazine_blocks);
    }
    lock_release(&pool->lock);
    return cache->count != 0 ? L3 : NOWHERE;
}

enum level cairn__cache_refill(struct cairn_cached_pool *pool, struct depot *depot,
                               struct cache *cache)
{
    struct magazine *full = pop(&depot->full);
    if (full == NULL)
        return refill_from_store(pool, cache);
    push(&depot->empty, cache->loaded);
    cache->loaded = full;
    cache->count = pool->magazine_blocks;
    if (depot->empty.count > pool->depot_magazines) {
        lock_acquire(&pool->lock);
        push(&pool->empty, pop(&depot->empty));
        lock_release(&pool->lock);
    }
    return L2;
}

/*
 * The previous one goes to the depot, or to the store's list; or, if they have enough or no empty one
 * can be had in its place, its blocks go into the chunks.
 */
enum level cairn__cache_drain(struct cairn_cached_pool *pool, struct depot *depot,
                              struct cache *cache)
{
    bool fits = depot->full.count < pool->depot_magazines;
    struct list *full = fits ? &depot->full : &pool->full;
    struct magazine *empty = fits ? pop(&depot->empty) : NULL;
    if (empty == NULL) {
        lock_acquire(&pool->lock);
        if (fits || full->count < (size_t)pool->depot_magazines * pool->depot_count)
            empty = take_magazine(pool);
        if (empty != NULL)
            push(full, cache->previous);
        else
            cairn__store_give(&pool->store, cache->previous->rounds, pool->magazine_blocks);
        lock_release(&pool->lock);
    } else {
        push(full, cache->previous);
    }
    if (empty != NULL)
        cache->previous = empty;
    cache->previous_count = 0;
    cache_swap(cache);
    return fits && empty != NULL ? L2 : L3;
}

void cairn__magazines_give_back(struct cairn_cached_pool *pool)
{
    struct magazine *magazine;
    while ((magazine = pop(&pool->full)) != NULL) {
        cairn__store_give(&pool->store, magazine->rounds, pool->magazine_blocks);
        push(&pool->empty, magazine);
    }
    while ((magazine = pop(&pool->empty)) != NULL)
        magazine->is_idle = true;
    struct magazine **link = &pool->magazines;
    while ((magazine = *link) != NULL) {
        if (magazine->is_idle) {
            *link = magazine->all;
            pool->magazine_count--;
            cairn__store_dealloc(&pool->store, magazine, cairn__magazine_layout(pool));
        } else {
            link = &magazine->all;
        }
    }
}
