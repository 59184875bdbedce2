/* SPDX-License-Identifier: MIT */
/* Slabs: caches of small, odd, aligned and large objects; and the set for all sizes. */
#include "cairn/slab.h"
#include "cairn/slab_set.h"

#include "contract/contract.h"

static void *make(cairn_allocator source, cairn_layout object, size_t max_empty)
{
    cairn_slab_opts opts = {.source = source, .max_empty = max_empty};
    return cairn_slab_create(object, &opts);
}

static void *small_make(cairn_allocator source)
{
    return make(source, (cairn_layout){64, 16}, 0);
}

static void *odd_make(cairn_allocator source)
{
    return make(source, (cairn_layout){23, 1}, 1);
}

static void *aligned_make(cairn_allocator source)
{
    return make(source, (cairn_layout){256, 256}, 1);
}

static void *large_make(cairn_allocator source)
{
    return make(source, (cairn_layout){8192, 64}, 1);
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
    return cairn_slab_audit(state);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_slab_visit(state, visitor, context);
}

static void end(void *state)
{
    cairn_slab_destroy(state);
}

#define SLAB_ROW                                                                                   \
    .reuses = true, .allocator = allocator, .reset = reset, .audit = audit, .visit = visit,        \
    .end = end, .ends_with_live_blocks = true

CONTRACT_KIND(small, .name = "slab:64", .max_size = 64, .max_align = 16, .make = small_make,
              SLAB_ROW);
CONTRACT_KIND(odd, .name = "slab:23", .max_size = 23, .max_align = 1, .make = odd_make, SLAB_ROW);
CONTRACT_KIND(aligned, .name = "slab:256", .max_size = 256, .max_align = 256, .make = aligned_make,
              SLAB_ROW);
CONTRACT_KIND(large, .name = "slab:8K", .max_size = 8192, .max_align = 64, .make = large_make,
              SLAB_ROW);

static void *set_make(cairn_allocator source)
{
    return cairn_slab_set_create(&(cairn_slab_set_opts){.source = source});
}

static void *sparing_make(cairn_allocator source)
{
    return cairn_slab_set_create(&(cairn_slab_set_opts){.source = source, .max_empty = 1});
}

static cairn_allocator set_allocator(void *state)
{
    return cairn_slab_set_allocator(state);
}

static void set_reset(void *state)
{
    cairn_slab_set_reset(state);
}

static const char *set_audit(void *state)
{
    return cairn_slab_set_audit(state);
}

static bool set_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_slab_set_visit(state, visitor, context);
}

static void set_end(void *state)
{
    cairn_slab_set_destroy(state);
}

#define SET_ROW                                                                                    \
    .reuses = true, .allocator = set_allocator, .reset = set_reset, .audit = set_audit,            \
    .visit = set_visit, .end = set_end, .ends_with_live_blocks = true

CONTRACT_KIND(set, .name = "slab_set", .make = set_make, SET_ROW);
CONTRACT_KIND(sparing, .name = "slab_set:sparing", .make = sparing_make, SET_ROW);
