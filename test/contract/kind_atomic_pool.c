/* SPDX-License-Identifier: MIT */
/* Equal blocks, lock-free: growing from a small first chunk, and of a fixed number. */
#include "cairn/atomic_pool.h"

#include "contract/contract.h"

enum { MAX_SIZE = 272, MAX_ALIGN = 64, FIXED_BLOCKS = 64 /* more than the suite has at a time */ };

static void *make_with(cairn_allocator source, size_t first_blocks, size_t max_blocks)
{
    cairn_atomic_pool_opts opts = {source, first_blocks, max_blocks};
    return cairn_atomic_pool_create((cairn_layout){MAX_SIZE, MAX_ALIGN}, &opts);
}

static void *make_growing(cairn_allocator source)
{
    return make_with(source, 3, 0);
}

static void *make_fixed(cairn_allocator source)
{
    return make_with(source, FIXED_BLOCKS, FIXED_BLOCKS);
}

static cairn_allocator allocator(void *state)
{
    return cairn_atomic_pool_allocator(state);
}

static const char *audit(void *state)
{
    return cairn_atomic_pool_audit(state);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_atomic_pool_visit(state, visitor, context);
}

static void end(void *state)
{
    cairn_atomic_pool_destroy(state);
}

#define COMMON                                                                                     \
    .max_size = MAX_SIZE, .max_align = MAX_ALIGN, .reuses = true, .allocator = allocator,          \
    .audit = audit, .visit = visit, .end = end, .ends_with_live_blocks = true

CONTRACT_KIND(growing, .name = "atomic_pool", .make = make_growing, COMMON);
CONTRACT_KIND(fixed, .name = "atomic_pool:fixed", .make = make_fixed, COMMON);
