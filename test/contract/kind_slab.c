/* SPDX-License-Identifier: MIT */
/* Object caches: as they come, with small slabs that go back soon, of aligned objects, of tiny ones,
 * with notes apart from objects. */
#include "cairn/slab.h"

#include "contract/contract.h"

static void *make(cairn_allocator source)
{
    return cairn_slab_create((cairn_layout){256, 16}, &(cairn_slab_opts){.source = source});
}

static void *make_small(cairn_allocator source)
{
    return cairn_slab_create(
        (cairn_layout){100, 8},
        &(cairn_slab_opts){.source = source, .slab_size = 512, .max_empty = 1});
}

static void *make_aligned(cairn_allocator source)
{
    return cairn_slab_create((cairn_layout){5000, 4096}, &(cairn_slab_opts){.source = source});
}

static void *make_tiny(cairn_allocator source)
{
    return cairn_slab_create((cairn_layout){1, 1}, &(cairn_slab_opts){.source = source});
}

static void *make_apart(cairn_allocator source)
{
    return cairn_slab_create((cairn_layout){512, 64},
                             &(cairn_slab_opts){.source = source, .slab_size = 2048});
}

static cairn_allocator allocator(void *state)
{
    return cairn_slab_allocator(state);
}

static void reset(void *state)
{
    cairn_slab_reset(state);
}

static const char *audit(void *state)
{
    cairn_slab_stats stats;
    cairn_slab_stats_get(state, &stats);
    return stats.refusals != 0 ? "a block was refused" : cairn_slab_audit(state);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_slab_visit(state, visitor, context);
}

static void end(void *state)
{
    cairn_slab_destroy(state);
}

#define SLAB                                                                                       \
    .reuses = true, .allocator = allocator, .reset = reset, .audit = audit, .visit = visit,        \
    .end = end, .ends_with_live_blocks = true

CONTRACT_KIND(slab, .name = "slab:256", .max_size = 256, .max_align = 16, .make = make, SLAB);
CONTRACT_KIND(slab_small, .name = "slab:100,small", .max_size = 100, .max_align = 8,
              .make = make_small, SLAB);
CONTRACT_KIND(slab_aligned, .name = "slab:5000,aligned", .max_size = 5000, .max_align = 4096,
              .make = make_aligned, SLAB);
CONTRACT_KIND(slab_tiny, .name = "slab:1", .max_size = 1, .max_align = 1, .make = make_tiny, SLAB);
CONTRACT_KIND(slab_apart, .name = "slab:512,apart", .max_size = 512, .max_align = 64,
              .make = make_apart, SLAB);
