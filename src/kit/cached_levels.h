/* SPDX-License-Identifier: MIT */
/*
 * The levels of a cached pool, and what goes from one to another; the store is in cached_store.h.
 *
 * A thread finds its cache in two ways. `seats` is a table by a hash of the thread's mark: a cache
 * whose mark is the caller's is the caller's, since no two live threads have the same. Whose seat is
 * taken by another thread's cache asks for the thread's word, which costs a few ns more. The word is
 * also how the pool learns that a thread ends. Caches are not given back before the pool ends, so
 * looking at the mark of another's is harmless.
 *
 * Locks: a depot's, then the store's. Under the store's: the source, all lists of the pool. A cache
 * belongs to its thread, a depot's own cache to who has the depot's lock.
 *
 * Invariants, while nobody is in a call; M = magazine_blocks:
 *     every block is in use, or in one magazine, or in the store
 *     a magazine in a list of full ones has M blocks
 *     a cache has two magazines (loaded, previous), or none and no blocks
 *     magazine_count = full and empty ones in lists, and two for each cache that has any
 */
#ifndef CAIRN_KIT_CACHED_LEVELS_H
#define CAIRN_KIT_CACHED_LEVELS_H

#include "cairn/cached_pool.h"

#include "kit/cached_store.h"
#include "os/lock.h"
#include "os/place.h"

enum { SEATS = 256, SEAT_SHIFT = 64 - 8 };

struct magazine {
    struct magazine *next; /* in its list */
    struct magazine *all;
    bool is_idle; /* while magazines are given back */
    void *rounds[];
};

struct list {
    struct magazine *first;
    size_t count;
};

enum level { L1, L2, L3, LEVELS, NOWHERE };

struct cache {
    /* its thread only; of a depot: under its lock */
    struct magazine *loaded; /* NULL: it has none */
    struct magazine *previous;
    uint32_t count; /* blocks in loaded */
    uint32_t previous_count;

    /* Written by its thread, read by any. */
    _Atomic uintptr_t mark;            /* of its thread; 0: nobody has it */
    _Atomic uint64_t allocs[LEVELS];   /* that went to this level */
    _Atomic uint64_t deallocs[LEVELS]; /* [L1]: all of them */

    struct cairn_cached_pool *pool;
    struct cache *all;
    struct cache *next; /* among those that nobody has */
    bool is_beginning;
    bool is_lost; /* its thread stayed behind at a fork */
} ALIGNED(CACHE_LINES);

struct depot {
    struct cache own; /* of those that have none */
    struct lock lock;
    struct list full;
    struct list empty;
};

struct cairn_cached_pool {
    /* set once */
    uint32_t magazine_blocks;
    uint32_t depot_magazines;
    uint32_t depot_count;
    bool has_slot;
    struct slot slot; /* the thread's cache */

    /* Release by who has the cache, acquire by who looks. */
    _Atomic(struct cache *) seats[SEATS];
    _Atomic uint32_t refusals; /* calls since there was no memory for a cache; 0: there was */

    /* under the store's lock */
    struct lock lock ALIGNED(CACHE_LINES);
    struct store store;
    struct list full;
    struct list empty;
    struct magazine *magazines;
    size_t magazine_count;
    struct cache *caches;
    struct cache *idle;

    struct depot depots[];
};

/* ---- small things ---- */

static inline void push(struct list *list, struct magazine *magazine)
{
    magazine->next = list->first;
    list->first = magazine;
    list->count++;
}

static inline struct magazine *pop(struct list *list)
{
    struct magazine *magazine = list->first;
    if (magazine != NULL) {
        list->first = magazine->next;
        list->count--;
    }
    return magazine;
}

/* A counter with one writer. */
static inline void count_up(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static inline uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline _Atomic(struct cache *) *seat_of(struct cairn_cached_pool *pool, uintptr_t mark)
{
    return &pool->seats[(uint64_t)mark * 0x9E3779B97F4A7C15u >> SEAT_SHIFT];
}

static inline struct depot *depot_here(struct cairn_cached_pool *pool)
{
    return &pool->depots[cairn__os_processor() % pool->depot_count];
}

/* The caller's cache, if it has a seat. */
static inline struct cache *seated_cache(struct cairn_cached_pool *pool)
{
    uintptr_t mark = cairn__os_thread_mark();
    struct cache *cache = atomic_load_explicit(seat_of(pool, mark), memory_order_acquire);
    if (UNLIKELY(cache == NULL || atomic_load_explicit(&cache->mark, memory_order_relaxed) != mark))
        return NULL;
    return cache;
}

static inline void cache_swap(struct cache *cache)
{
    struct magazine *magazine = cache->loaded;
    uint32_t count = cache->count;
    cache->loaded = cache->previous;
    cache->count = cache->previous_count;
    cache->previous = magazine;
    cache->previous_count = count;
}

/* ---- caches ---- */

/* The caller's cache, made if there is none. NULL: no memory, or no word in each thread. */
struct cache *cairn__cache_begin(struct cairn_cached_pool *pool);

/* The thread's blocks go to the other levels, and its cache to those that nobody has. */
void cairn__cache_end(struct cache *cache);

/* In the child of a fork, under all locks: the caches of threads that are not there. */
void cairn__cache_lose_others(struct cairn_cached_pool *pool);

/* ---- from level to level ---- */

/* Under the store's lock: two empty magazines for a cache, or none and false. */
bool cairn__cache_equip(struct cairn_cached_pool *pool, struct cache *cache);

/* Under the depot's lock, both magazines empty: blocks into the loaded one. NOWHERE: none. */
enum level cairn__cache_refill(struct cairn_cached_pool *pool, struct depot *depot,
                               struct cache *cache);

/* Under the depot's lock, both magazines full: the loaded one is empty then. */
enum level cairn__cache_drain(struct cairn_cached_pool *pool, struct depot *depot,
                              struct cache *cache);

/* Without locks: all that is in the depots goes to the store. */
void cairn__depots_gather(struct cairn_cached_pool *pool);

/* Under the store's lock: the magazines in the lists of full and empty ones go back to the source,
 * their blocks into the chunks. */
void cairn__magazines_give_back(struct cairn_cached_pool *pool);

cairn_layout cairn__magazine_layout(const struct cairn_cached_pool *pool);

#endif
