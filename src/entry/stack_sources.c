/* SPDX-License-Identifier: MIT */
/* The kinds that a stack can end in, by name: those that are not put around another. */
#include "base/bits.h"
#include "cairn/arena.h"
#include "cairn/atomic_pool.h"
#include "cairn/buddy.h"
#include "cairn/bump.h"
#include "cairn/cached_pool.h"
#include "cairn/fit.h"
#include "cairn/foreign.h"
#include "cairn/heap.h"
#include "cairn/numa.h"
#include "cairn/pool.h"
#include "cairn/slab.h"
#include "cairn/slab_set.h"
#include "entry/stack_rows.h"

static const struct stack_option NO_OPTIONS[] = {STACK_END};

static bool system_make(struct stack_node *node)
{
    node->allocator = node->system;
    return true;
}

const struct stack_kind cairn__stack_system = {
    .name = "system",
    .options = NO_OPTIONS,
    .thread_safe = true,
    .fork_safe = true,
    .make = system_make,
};

/* The heaps of the threads own what the kinds beside them have taken as a source, too; where that
 * must be told, it is a heap of its own. */
static bool heap_make(struct stack_node *node)
{
    if (node->must_tell) {
        node->state = cairn_heap_create("stack");
        if (node->state == NULL)
            return false;
    }
    node->allocator = cairn_heap_allocator(node->state);
    return true;
}

static void heap_end(struct stack_node *node)
{
    cairn_heap_destroy(node->state);
}

const struct stack_kind cairn__stack_heap = {
    .name = "heap",
    .options = NO_OPTIONS,
    .thread_safe = true,
    .fork_safe = true,
    .make = heap_make,
    .end = heap_end,
};

/* ---- bump, arena ---- */

enum { ONLY_SIZE };

struct bump_state {
    cairn_bump bump;
    void *region;
    cairn_layout layout;
};

static const struct stack_option BUMP_OPTIONS[] = {
    {"", STACK_SIZE, ONLY_SIZE, 64},
    STACK_END,
};

static bool bump_make(struct stack_node *node)
{
    struct bump_state *state = NEW_STATE(node, struct bump_state);
    if (state == NULL)
        return false;
    state->layout = cairn_layout_from_size_align(node->values[ONLY_SIZE], 4096);
    state->region = cairn_allocator_alloc(stack_below(node), state->layout);
    if (state->region == NULL) {
        END_STATE(node, struct bump_state);
        return false;
    }
    cairn_bump_init(&state->bump, state->region, state->layout.size);
    node->allocator = cairn_bump_allocator(&state->bump);
    return true;
}

static void bump_end(struct stack_node *node)
{
    struct bump_state *state = node->state;
    cairn_bump_fini(&state->bump);
    cairn_allocator_dealloc(stack_below(node), state->region, state->layout);
    END_STATE(node, struct bump_state);
}

static const char *bump_audit(const struct stack_node *node)
{
    return cairn_bump_audit(&((struct bump_state *)node->state)->bump);
}

const struct stack_kind cairn__stack_bump = {
    .name = "bump",
    .options = BUMP_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .required_option = true,
    .make = bump_make,
    .end = bump_end,
    .audit = bump_audit,
};

enum { ARENA_CHUNK, ARENA_LIMIT };

static const struct stack_option ARENA_OPTIONS[] = {
    {"chunk", STACK_SIZE, ARENA_CHUNK, 256},
    {"limit", STACK_SIZE, ARENA_LIMIT, 1},
    STACK_END,
};

static bool arena_make(struct stack_node *node)
{
    cairn_arena_opts opts = {
        .source = stack_below(node),
        .first_chunk = node->values[ARENA_CHUNK],
        .limit = node->values[ARENA_LIMIT],
    };
    cairn_arena *arena = cairn_arena_create(&opts);
    if (arena == NULL)
        return false;
    node->state = arena;
    node->allocator = cairn_arena_allocator(arena);
    return true;
}

static void arena_end(struct stack_node *node)
{
    cairn_arena_destroy(node->state);
}

static const char *arena_audit(const struct stack_node *node)
{
    return cairn_arena_audit(node->state);
}

const struct stack_kind cairn__stack_arena = {
    .name = "arena",
    .options = ARENA_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .make = arena_make,
    .end = arena_end,
    .audit = arena_audit,
};

/* ---- fit, buddy ---- */

enum { FIT_STRATEGY, FIT_COALESCING, FIT_REGION, FIT_LIMIT, FIT_KEPT };

static const struct stack_option FIT_OPTIONS[] = {
    {"segregated", STACK_WORD, FIT_STRATEGY, CAIRN_FIT_SEGREGATED},
    {"best", STACK_WORD, FIT_STRATEGY, CAIRN_FIT_BEST},
    {"first", STACK_WORD, FIT_STRATEGY, CAIRN_FIT_FIRST},
    {"next", STACK_WORD, FIT_STRATEGY, CAIRN_FIT_NEXT},
    {"immediate", STACK_WORD, FIT_COALESCING, CAIRN_FIT_IMMEDIATE},
    {"deferred", STACK_WORD, FIT_COALESCING, CAIRN_FIT_DEFERRED},
    {"none", STACK_WORD, FIT_COALESCING, CAIRN_FIT_NEVER},
    {"region", STACK_SIZE, FIT_REGION, 1},
    {"limit", STACK_SIZE, FIT_LIMIT, 1},
    {"kept", STACK_COUNT, FIT_KEPT, 1},
    STACK_END,
};

static bool fit_make(struct stack_node *node)
{
    cairn_fit_opts opts = {
        .strategy = (enum cairn_fit_strategy)node->values[FIT_STRATEGY],
        .coalescing = (enum cairn_fit_coalescing)node->values[FIT_COALESCING],
        .region = node->values[FIT_REGION],
        .limit = node->values[FIT_LIMIT],
        .kept_max = node->values[FIT_KEPT],
    };
    cairn_fit *fit = cairn_fit_create(stack_below(node), &opts);
    if (fit == NULL)
        return false;
    node->state = fit;
    node->allocator = cairn_fit_allocator(fit);
    return true;
}

static void fit_end(struct stack_node *node)
{
    cairn_fit_destroy(node->state);
}

static const char *fit_audit(const struct stack_node *node)
{
    return cairn_fit_audit(node->state);
}

const struct stack_kind cairn__stack_fit = {
    .name = "fit",
    .options = FIT_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .make = fit_make,
    .end = fit_end,
    .audit = fit_audit,
};

enum { BUDDY_REGION, BUDDY_LIMIT, BUDDY_MIN };

static const struct stack_option BUDDY_OPTIONS[] = {
    {"region", STACK_SIZE, BUDDY_REGION, 1},
    {"limit", STACK_SIZE, BUDDY_LIMIT, 1},
    {"min", STACK_SIZE, BUDDY_MIN, 16},
    STACK_END,
};

static bool buddy_make(struct stack_node *node)
{
    cairn_buddy_opts opts = {
        .region = node->values[BUDDY_REGION],
        .limit = node->values[BUDDY_LIMIT],
        .min_block = node->values[BUDDY_MIN],
    };
    cairn_buddy *buddy = cairn_buddy_create(stack_below(node), &opts);
    if (buddy == NULL)
        return false;
    node->state = buddy;
    node->allocator = cairn_buddy_allocator(buddy);
    return true;
}

static void buddy_end(struct stack_node *node)
{
    cairn_buddy_destroy(node->state);
}

static const char *buddy_audit(const struct stack_node *node)
{
    return cairn_buddy_audit(node->state);
}

const struct stack_kind cairn__stack_buddy = {
    .name = "buddy",
    .options = BUDDY_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .make = buddy_make,
    .end = buddy_end,
    .audit = buddy_audit,
};

/* ---- blocks of one size ---- */

static const struct stack_option SIZE_OPTIONS[] = {
    {"", STACK_SIZE, ONLY_SIZE, 1},
    STACK_END,
};

/* Of the size that was said, aligned as malloc's blocks are, or to more where that costs no space:
 * what is sent to a pool of 64 may be aligned to 64. */
static cairn_layout one_size(struct stack_node *node)
{
    size_t size = node->values[ONLY_SIZE];
    size_t align = size_max(16, size_min(size & -size, 4096));
    node->one_size = cairn_layout_from_size_align(size, align);
    return node->one_size;
}

static bool atomic_pool_make(struct stack_node *node)
{
    cairn_atomic_pool_opts opts = {.source = stack_below(node)};
    cairn_atomic_pool *pool = cairn_atomic_pool_create(one_size(node), &opts);
    if (pool == NULL)
        return false;
    node->state = pool;
    node->allocator = cairn_atomic_pool_allocator(pool);
    return true;
}

static void atomic_pool_end(struct stack_node *node)
{
    cairn_atomic_pool_destroy(node->state);
}

const struct stack_kind cairn__stack_atomic_pool = {
    .name = "atomic_pool",
    .options = SIZE_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .required_option = true,
    .fixed_size = true,
    .thread_safe = true,
    .make = atomic_pool_make,
    .end = atomic_pool_end,
};

static bool cached_pool_make(struct stack_node *node)
{
    cairn_cached_pool_opts opts = {.source = stack_below(node)};
    cairn_cached_pool *pool = cairn_cached_pool_create(one_size(node), &opts);
    if (pool == NULL)
        return false;
    node->state = pool;
    node->allocator = cairn_cached_pool_allocator(pool);
    return true;
}

static void cached_pool_end(struct stack_node *node)
{
    cairn_cached_pool_destroy(node->state);
}

const struct stack_kind cairn__stack_cached_pool = {
    .name = "cached_pool",
    .options = SIZE_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .required_option = true,
    .fixed_size = true,
    .thread_safe = true,
    .make = cached_pool_make,
    .end = cached_pool_end,
};

static bool pool_make(struct stack_node *node)
{
    cairn_pool *pool = NEW_STATE(node, cairn_pool);
    if (pool == NULL)
        return false;
    cairn_pool_opts opts = {.source = stack_below(node)};
    if (!cairn_pool_init(pool, one_size(node), &opts)) {
        END_STATE(node, cairn_pool);
        return false;
    }
    node->allocator = cairn_pool_allocator(pool);
    return true;
}

static void pool_end(struct stack_node *node)
{
    cairn_pool_fini(node->state);
    END_STATE(node, cairn_pool);
}

static const char *pool_audit(const struct stack_node *node)
{
    return cairn_pool_audit(node->state);
}

const struct stack_kind cairn__stack_pool = {
    .name = "pool",
    .options = SIZE_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .required_option = true,
    .fixed_size = true,
    .make = pool_make,
    .end = pool_end,
    .audit = pool_audit,
};

static bool slab_make(struct stack_node *node)
{
    cairn_slab_opts opts = {.source = stack_below(node)};
    cairn_slab *slab = cairn_slab_create(one_size(node), &opts);
    if (slab == NULL)
        return false;
    node->state = slab;
    node->allocator = cairn_slab_allocator(slab);
    return true;
}

static void slab_end(struct stack_node *node)
{
    cairn_slab_destroy(node->state);
}

static const char *slab_audit(const struct stack_node *node)
{
    return cairn_slab_audit(node->state);
}

const struct stack_kind cairn__stack_slab = {
    .name = "slab",
    .options = SIZE_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .required_option = true,
    .fixed_size = true,
    .make = slab_make,
    .end = slab_end,
    .audit = slab_audit,
};

/* ---- slab_set ---- */

static bool slab_set_make(struct stack_node *node)
{
    cairn_slab_set_opts opts = {.source = stack_below(node)};
    cairn_slab_set *set = cairn_slab_set_create(&opts);
    if (set == NULL)
        return false;
    node->state = set;
    node->allocator = cairn_slab_set_allocator(set);
    return true;
}

static void slab_set_end(struct stack_node *node)
{
    cairn_slab_set_destroy(node->state);
}

static const char *slab_set_audit(const struct stack_node *node)
{
    return cairn_slab_set_audit(node->state);
}

const struct stack_kind cairn__stack_slab_set = {
    .name = "slab_set",
    .options = NO_OPTIONS,
    .most_children = 1,
    .takes_source = true,
    .make = slab_set_make,
    .end = slab_set_end,
    .audit = slab_set_audit,
};

/* ---- numa ---- */

enum { NUMA_POLICY, NUMA_NODE };

static const struct stack_option NUMA_OPTIONS[] = {
    {"local", STACK_WORD, NUMA_POLICY, CAIRN_NUMA_LOCAL},
    {"first_touch", STACK_WORD, NUMA_POLICY, CAIRN_NUMA_FIRST_TOUCH},
    {"interleave", STACK_WORD, NUMA_POLICY, CAIRN_NUMA_INTERLEAVE},
    {"bind", STACK_WORD, NUMA_POLICY, CAIRN_NUMA_BIND},
    {"node", STACK_COUNT, NUMA_NODE, 0},
    STACK_END,
};

/* node: the one that bind means; without it, bind and interleave mean all that are online. */
static bool numa_make(struct stack_node *node)
{
    cairn_numa_opts opts = {.policy = (cairn_numa_policy)node->values[NUMA_POLICY]};
    if (node->is_set[NUMA_NODE])
        cairn_node_set_add(&opts.nodes, (int)size_min(node->values[NUMA_NODE], CAIRN_NODES_MAX));
    else
        opts.nodes = cairn_numa_nodes();
    cairn_numa_error error;
    cairn_numa *numa = cairn_numa_create(&opts, &error);
    if (numa == NULL) {
        stack_refuse(node, "numa: ", cairn_numa_error_text(error));
        return false;
    }
    node->state = numa;
    node->allocator = cairn_numa_allocator(numa);
    return true;
}

static void numa_end(struct stack_node *node)
{
    cairn_numa_destroy(node->state);
}

static const char *numa_audit(const struct stack_node *node)
{
    return cairn_numa_audit(node->state);
}

const struct stack_kind cairn__stack_numa = {
    .name = "numa",
    .options = NUMA_OPTIONS,
    .thread_safe = true,
    .make = numa_make,
    .end = numa_end,
    .audit = numa_audit,
};

/* ---- foreign ---- */

enum { FOREIGN_PATH };

static const struct stack_option FOREIGN_OPTIONS[] = {
    {"path", STACK_NAME, FOREIGN_PATH, 0},
    STACK_END,
};

static bool foreign_make(struct stack_node *node)
{
    char why[sizeof node->error->text];
    cairn_foreign *foreign = cairn_foreign_create(node->text, NULL, why, sizeof why);
    if (foreign == NULL) {
        stack_refuse(node, "", why);
        return false;
    }
    node->state = foreign;
    node->allocator = cairn_foreign_allocator(foreign);
    return true;
}

static void foreign_end(struct stack_node *node)
{
    cairn_foreign_destroy(node->state);
}

const struct stack_kind cairn__stack_foreign = {
    .name = "foreign",
    .options = FOREIGN_OPTIONS,
    .required_option = true,
    .thread_safe = true,
    .make = foreign_make,
    .end = foreign_end,
};
