/* SPDX-License-Identifier: MIT */
/*
 * The numa allocator as the program sees it: what the machine is, allocators by policy, and memory
 * that moves between nodes (move_pages(2), mbind(2); A. Kleen, A NUMA API for Linux, 2004). A call
 * picks a shard by the processor it runs on; for the local policy one of that processor's node,
 * which is looked up once for each processor. Where blocks lie is in numa_chunk.c, memory and its
 * policies in numa_mapping.c.
 */
#include "kit/numa_heap.h"

#include <errno.h>

#include "os/place.h"
#include "os/system.h"

_Static_assert(CAIRN_NODES_MAX == NODES_MAX, "the system's sets are the program's");

/* ---- the machine ---- */

CAIRN_EXPORT cairn_node_set cairn_numa_nodes(void)
{
    cairn_node_set nodes;
    cairn__os_numa_online(nodes.words);
    return nodes;
}

CAIRN_EXPORT bool cairn_numa_is_single(void)
{
    cairn_node_set nodes = cairn_numa_nodes();
    return cairn_node_set_count(&nodes) == 1;
}

CAIRN_EXPORT bool cairn_numa_is_available(void)
{
    return !cairn__numa_is_refused(cairn__os_numa_bind(NULL, 0, NUMA_DEFAULT, NULL, false));
}

CAIRN_EXPORT int cairn_numa_node_here(void)
{
    unsigned processor;
    return cairn__os_numa_here(&processor);
}

static int next_node(const cairn_node_set *set, int node)
{
    do
        node = node + 1 < NODES_MAX ? node + 1 : 0;
    while (!cairn_node_set_has(set, node));
    return node;
}

CAIRN_EXPORT int cairn_numa_node_of(const void *ptr)
{
    void *page = (void *)round_down((uintptr_t)ptr, cairn__os_page_size());
    int node = -1;
    int error = cairn__os_numa_pages(1, &page, NULL, &node);
    if (error == 0)
        return node < 0 ? -1 : node;
    cairn_node_set nodes = cairn_numa_nodes();
    bool is_told = cairn__numa_is_refused(error) && cairn_node_set_count(&nodes) == 1 &&
                   cairn__system_resident(page, 1) != 0;
    return is_told ? next_node(&nodes, -1) : -1;
}

static cairn_numa_error check_set(const cairn_node_set *nodes)
{
    cairn_node_set online = cairn_numa_nodes();
    for (int i = 0; i < NODE_WORDS; i++)
        if ((nodes->words[i] & ~online.words[i]) != 0)
            return CAIRN_NUMA_NOT_ONLINE;
    return cairn_node_set_count(nodes) == 0 ? CAIRN_NUMA_EMPTY_SET : CAIRN_NUMA_OK;
}

/* ---- create, destroy ---- */

CAIRN_EXPORT const char *cairn_numa_error_text(cairn_numa_error error)
{
    static const char *const texts[] = {
        [CAIRN_NUMA_OK] = "no error",
        [CAIRN_NUMA_BAD_POLICY] = "no such policy",
        [CAIRN_NUMA_EMPTY_SET] = "the set of nodes is empty",
        [CAIRN_NUMA_NOT_ONLINE] = "a node is not online",
        [CAIRN_NUMA_NOT_ALLOWED] = "no node of the set has memory that this process may use",
        [CAIRN_NUMA_NO_MEMORY] = "out of memory",
    };
    return (unsigned)error < sizeof texts / sizeof *texts ? texts[error] : "no such error";
}

/* Whether the system takes such a policy over these nodes, tried on a page. */
static cairn_numa_error try_policy(enum numa_mode mode, const cairn_node_set *nodes, bool *refused)
{
    size_t size = cairn__os_page_size();
    void *page = cairn__os_map(size, size);
    if (page == NULL)
        return CAIRN_NUMA_NO_MEMORY;
    int error = cairn__os_numa_bind(page, size, mode, nodes->words, false);
    cairn__os_release(page, size);
    *refused = cairn__numa_is_refused(error);
    return error == 0 || *refused ? CAIRN_NUMA_OK
           : error == EINVAL      ? CAIRN_NUMA_NOT_ALLOWED
                                  : CAIRN_NUMA_NO_MEMORY;
}

/* How memory is bound to the set of a policy, or moved by it. */
static enum numa_mode mode_of(cairn_numa_policy policy)
{
    return policy == CAIRN_NUMA_INTERLEAVE ? NUMA_INTERLEAVE : NUMA_BIND;
}

/* With its shards: for each node if they differ by node, else for one. */
static cairn_numa *make_state(cairn_numa_policy policy)
{
    cairn_node_set online = cairn_numa_nodes();
    unsigned nodes = policy == CAIRN_NUMA_LOCAL ? (unsigned)cairn_node_set_count(&online) : 1;
    unsigned processors = cairn__os_processor_count();
    unsigned shards_of_node = processors < SHARDS_MAX ? processors : SHARDS_MAX;
    size_t shards_at = round_up(sizeof(cairn_numa), CACHE_LINES);
    size_t processors_at = shards_at + (size_t)nodes * shards_of_node * sizeof(struct shard);
    size_t size = whole_pages(processors_at + processors * sizeof(uint16_t));
    cairn_numa *numa = cairn__os_map(size, cairn__os_page_size());
    if (numa == NULL)
        return NULL;
    numa->state_size = size;
    numa->policy = policy;
    numa->is_watched = cairn__is_watched();
    numa->shards_of_node = shards_of_node;
    numa->shard_count = nodes * shards_of_node;
    numa->processors = processors;
    numa->shards = (struct shard *)(void *)((char *)numa + shards_at);
    numa->shards_of_processor = (_Atomic uint16_t *)(void *)((char *)numa + processors_at);
    int node = -1;
    for (unsigned i = 0; i < numa->shard_count; i++) {
        node = i % shards_of_node == 0 ? next_node(&online, node) : node;
        numa->shards[i].node = (uint16_t)node;
    }
    return numa;
}

static bool has_set(cairn_numa_policy policy)
{
    return policy == CAIRN_NUMA_BIND || policy == CAIRN_NUMA_INTERLEAVE;
}

static cairn_numa_error create(const cairn_numa_opts *opts, cairn_numa **numa)
{
    bool refused = opts->policy == CAIRN_NUMA_LOCAL && !cairn_numa_is_available();
    cairn_numa_error error = CAIRN_NUMA_OK;
    if ((unsigned)opts->policy > CAIRN_NUMA_FIRST_TOUCH)
        return CAIRN_NUMA_BAD_POLICY;
    if (has_set(opts->policy)) {
        error = check_set(&opts->nodes);
        if (error == CAIRN_NUMA_OK)
            error = try_policy(mode_of(opts->policy), &opts->nodes, &refused);
    }
    if (error != CAIRN_NUMA_OK)
        return error;
    *numa = make_state(opts->policy);
    if (*numa == NULL)
        return CAIRN_NUMA_NO_MEMORY;
    (*numa)->is_effective = !refused;
    if (has_set(opts->policy))
        (*numa)->nodes = opts->nodes;
    return CAIRN_NUMA_OK;
}

CAIRN_EXPORT cairn_numa *cairn_numa_create(const cairn_numa_opts *opts, cairn_numa_error *error)
{
    static const cairn_numa_opts defaults;
    cairn_numa *numa = NULL;
    cairn_numa_error result = create(opts != NULL ? opts : &defaults, &numa);
    if (error != NULL)
        *error = result;
    if (numa != NULL && numa->is_watched)
        cairn__show_begin(numa);
    return numa;
}

CAIRN_EXPORT void cairn_numa_destroy(cairn_numa *numa)
{
    if (numa == NULL)
        return;
    for (size_t i = 0; i < numa->mapping_count; i++) {
        struct mapping *mapping = &numa->mappings[i];
        if (numa->is_watched)
            cairn__show_usable(mapping->base, mapping->size);
        cairn__os_release(mapping->base, mapping->size);
    }
    if (numa->mappings != NULL)
        cairn__os_release(numa->mappings,
                          whole_pages(numa->mapping_capacity * sizeof(struct mapping)));
    if (numa->is_watched)
        cairn__show_end(numa);
    cairn__os_release(numa, numa->state_size);
}

/* ---- blocks ---- */

/* The first shard of the node that this runs on. */
static NOINLINE unsigned look_up_shards(cairn_numa *numa)
{
    unsigned processor, first = 0;
    int node = cairn__os_numa_here(&processor);
    while (first < numa->shard_count && numa->shards[first].node != node)
        first += numa->shards_of_node;
    if (node < 0 || first >= numa->shard_count)
        return 0; /* cannot be told, or a node that came online later */
    /* Relaxed: whoever writes it writes the same. */
    if (processor < numa->processors)
        atomic_store_explicit(&numa->shards_of_processor[processor], (uint16_t)(first + 1),
                              memory_order_relaxed);
    return first;
}

static struct shard *shard_here(cairn_numa *numa)
{
    unsigned processor = cairn__os_processor(), first = 0;
    if (numa->shard_count > numa->shards_of_node) {
        if (processor < numa->processors)
            first = atomic_load_explicit(&numa->shards_of_processor[processor],
                                         memory_order_relaxed);
        first = first != 0 ? first - 1 : look_up_shards(numa);
    }
    return &numa->shards[first + processor % numa->shards_of_node];
}

static void *alloc(cairn_numa *numa, cairn_layout layout, unsigned class, unsigned units)
{
    struct shard *shard = shard_here(numa);
    void *ptr = NULL;
    if (LIKELY(class != CLASS_LARGE))
        ptr = cairn__numa_alloc(numa, shard, class, units, layout.size);
    else
        ptr = cairn__numa_map(numa, shard, whole_pages(layout.size),
                              size_max(layout.align, cairn__os_page_size()), layout.size);
    if (UNLIKELY(numa->is_watched) && ptr != NULL)
        cairn__show_alloc(numa, ptr, layout.size);
    return ptr;
}

static void *numa_alloc(void *self, cairn_layout layout)
{
    unsigned units, class = cairn__numa_class_of(layout, &units);
    return alloc(self, layout, class, units);
}

/* A large block is fresh from the system. */
static void *numa_alloc_zeroed(void *self, cairn_layout layout)
{
    unsigned units, class = cairn__numa_class_of(layout, &units);
    cairn_numa *numa = self;
    void *ptr = alloc(numa, layout, class, units);
    if (ptr != NULL && (class != CLASS_LARGE || numa->is_watched))
        memset(ptr, 0, layout.size);
    return ptr;
}

static void numa_dealloc(void *self, void *ptr, cairn_layout layout)
{
    unsigned units;
    cairn_numa *numa = self;
    if (UNLIKELY(numa->is_watched))
        cairn__show_dealloc(numa, ptr, layout.size);
    if (LIKELY(cairn__numa_class_of(layout, &units) != CLASS_LARGE))
        cairn__numa_dealloc(numa, ptr, layout.size);
    else
        cairn__numa_unmap(numa, ptr);
}

static void *numa_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_numa *numa = self;
    cairn_layout new_layout = cairn__layout(new_size, layout.align);
    unsigned old_units, old_class = cairn__numa_class_of(layout, &old_units);
    unsigned units, class = cairn__numa_class_of(new_layout, &units);
    if (LIKELY(!numa->is_watched) && class == old_class && units == old_units) {
        if (class != CLASS_LARGE) {
            cairn__numa_resized(ptr, layout.size, new_size);
            return ptr;
        }
        void *resized = cairn__numa_remap(numa, ptr, layout.align, new_size);
        if (resized != NULL)
            return resized;
    }
    void *moved = alloc(numa, new_layout, class, units);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, size_min(layout.size, new_size));
    numa_dealloc(numa, ptr, layout);
    return moved;
}

static bool numa_owns(void *self, const void *ptr)
{
    cairn_numa *numa = self;
    lock_acquire(&numa->memory_lock);
    const struct mapping *mapping = cairn__numa_mapping_of(numa, ptr);
    bool is_ours = mapping != NULL &&
                   (mapping->asked != SIZE_MAX || (const char *)ptr >= mapping->base + UNIT_SIZE);
    lock_release(&numa->memory_lock);
    return is_ours;
}

static size_t numa_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr;
    unsigned units, class = cairn__numa_class_of(layout, &units);
    if (((const cairn_numa *)self)->is_watched)
        return layout.size;
    return class == CLASS_LARGE  ? whole_pages(layout.size)
           : class == CLASS_SPAN ? (size_t)units << UNIT_SHIFT
                                 : cairn__numa_class_size(class);
}

CAIRN_EXPORT cairn_allocator cairn_numa_allocator(cairn_numa *numa)
{
    static const cairn_allocator_ops ops = {
        .name = "numa",
        .alloc = numa_alloc,
        .dealloc = numa_dealloc,
        .alloc_zeroed = numa_alloc_zeroed,
        .realloc = numa_realloc,
        .owns = numa_owns,
        .usable_size = numa_usable_size,
    };
    return (cairn_allocator){&ops, numa};
}

CAIRN_EXPORT size_t cairn_numa_trim(cairn_numa *numa)
{
    size_t given = 0;
    for (unsigned i = 0; i < numa->shard_count; i++)
        given += cairn__numa_trim_shard(numa, &numa->shards[i]);
    return given;
}

/* ---- moving ---- */

CAIRN_EXPORT bool cairn_numa_migrate(cairn_numa *numa, const cairn_node_set *to)
{
    enum numa_mode mode = mode_of(numa->policy);
    bool refused = false;
    if (check_set(to) != CAIRN_NUMA_OK || try_policy(mode, to, &refused) != CAIRN_NUMA_OK)
        return false;
    if (refused)
        return cairn_numa_is_single();
    bool done = true;
    lock_acquire(&numa->memory_lock);
    for (size_t i = 0; i < numa->mapping_count; i++)
        if (cairn__os_numa_bind(numa->mappings[i].base, numa->mappings[i].size, mode, to->words,
                                true) != 0)
            done = false;
    if (has_set(numa->policy))
        numa->nodes = *to;
    lock_release(&numa->memory_lock);
    return done;
}

enum { BATCH = 256 };

/* Moves pages that are on no node of the set. False: not all are there now. */
static bool migrate_batch(void **pages, size_t count, const cairn_node_set *set, int *node,
                          size_t *moved)
{
    int where[BATCH], to[BATCH];
    if (cairn__os_numa_pages(count, pages, NULL, where) != 0)
        return false;
    size_t others = 0;
    for (size_t i = 0; i < count; i++)
        if (where[i] >= 0 && !cairn_node_set_has(set, where[i])) {
            pages[others] = pages[i];
            to[others++] = *node = next_node(set, *node);
        }
    if (others == 0)
        return true;
    if (cairn__os_numa_pages(others, pages, to, where) != 0)
        return false;
    size_t there = 0;
    for (size_t i = 0; i < others; i++)
        there += cairn_node_set_has(set, where[i]);
    *moved += there;
    return there == others;
}

CAIRN_EXPORT bool cairn_numa_migrate_range(void *ptr, size_t size, const cairn_node_set *to,
                                           size_t *moved)
{
    size_t os_page = cairn__os_page_size(), pages_moved = 0;
    char *first = (char *)round_down((uintptr_t)ptr, os_page);
    size_t left = ((uintptr_t)ptr % os_page + size + os_page - 1) / os_page;
    bool done = check_set(to) == CAIRN_NUMA_OK && size <= UINTPTR_MAX - (uintptr_t)ptr;
    if (!done || size == 0 || (!cairn_numa_is_available() && cairn_numa_is_single()))
        left = 0; /* nothing to do, or nowhere else that they could be */
    int node = -1;
    while (left > 0) {
        void *pages[BATCH];
        size_t count = size_min(left, BATCH);
        for (size_t i = 0; i < count; i++, first += os_page)
            pages[i] = first;
        done &= migrate_batch(pages, count, to, &node, &pages_moved);
        left -= count;
    }
    if (moved != NULL)
        *moved = pages_moved;
    return done;
}
