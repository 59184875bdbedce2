/* SPDX-License-Identifier: MIT */
/* Sets of size-classed slabs: as they come, and giving back what they can. */
#include "cairn/slab_set.h"

#include "contract/contract.h"

static void *make(cairn_allocator source)
{
    return cairn_slab_set_create(&(cairn_slab_set_opts){.source = source});
}

static void *make_bound(cairn_allocator source)
{
    return cairn_slab_set_create(&(cairn_slab_set_opts){.source = source, .max_empty = 1});
}

static cairn_allocator allocator(void *state)
{
    return cairn_slab_set_allocator(state);
}

static void reset(void *state)
{
    cairn_slab_set_reset(state);
    cairn_slab_set_trim(state);
}

static const char *audit(void *state)
{
    cairn_slab_set_stats stats;
    cairn_slab_set_stats_get(state, &stats);
    return stats.refusals != 0 ? "a block was refused" : cairn_slab_set_audit(state);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_slab_set_visit(state, visitor, context);
}

static void end(void *state)
{
    cairn_slab_set_destroy(state);
}

#define SLAB_SET                                                                                   \
    .reuses = true, .allocator = allocator, .reset = reset, .audit = audit, .visit = visit,        \
    .end = end, .ends_with_live_blocks = true

CONTRACT_KIND(slab_set, .name = "slab_set", .make = make, SLAB_SET);
CONTRACT_KIND(slab_set_bound, .name = "slab_set:bound", .make = make_bound, SLAB_SET);
