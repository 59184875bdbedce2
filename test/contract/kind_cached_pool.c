/* SPDX-License-Identifier: MIT */
/* Equal blocks with a cache in each thread: as it comes, and with magazines so small that all levels
 * are at work. */
#include "cairn/cached_pool.h"

#include "contract/contract.h"

enum { MAX_SIZE = 272, MAX_ALIGN = 64 };

static void *make_default(cairn_allocator source)
{
    cairn_cached_pool_opts opts = {.source = source};
    return cairn_cached_pool_create((cairn_layout){MAX_SIZE, MAX_ALIGN}, &opts);
}

static void *make_small(cairn_allocator source)
{
    cairn_cached_pool_opts opts = {.source = source,
                                   .first_blocks = 3,
                                   .magazine_blocks = 2,
                                   .depot_magazines = 1,
                                   .depots = 2};
    return cairn_cached_pool_create((cairn_layout){MAX_SIZE, MAX_ALIGN}, &opts);
}

static cairn_allocator allocator(void *state)
{
    return cairn_cached_pool_allocator(state);
}

static const char *audit(void *state)
{
    return cairn_cached_pool_audit(state);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_cached_pool_visit(state, visitor, context);
}

static void end(void *state)
{
    cairn_cached_pool_destroy(state);
}

#define COMMON                                                                                     \
    .max_size = MAX_SIZE, .max_align = MAX_ALIGN, .reuses = true, .allocator = allocator,          \
    .audit = audit, .visit = visit, .end = end, .ends_with_live_blocks = true

CONTRACT_KIND(cached, .name = "cached_pool", .make = make_default, COMMON);
CONTRACT_KIND(small, .name = "cached_pool:small", .make = make_small, COMMON);
