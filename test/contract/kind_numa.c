/* SPDX-License-Identifier: MIT */
/* Memory of chosen nodes, by each policy. It comes from the system, not from the suite's source. */
#include "cairn/numa.h"

#include "contract/contract.h"

static void *make(cairn_numa_policy policy)
{
    cairn_numa_opts opts = {policy, cairn_numa_nodes()};
    return cairn_numa_create(&opts, NULL);
}

static void *local_make(cairn_allocator source)
{
    (void)source;
    return make(CAIRN_NUMA_LOCAL);
}

static void *bind_make(cairn_allocator source)
{
    (void)source;
    return make(CAIRN_NUMA_BIND);
}

static void *interleave_make(cairn_allocator source)
{
    (void)source;
    return make(CAIRN_NUMA_INTERLEAVE);
}

static void *first_touch_make(cairn_allocator source)
{
    (void)source;
    return make(CAIRN_NUMA_FIRST_TOUCH);
}

static cairn_allocator allocator(void *state)
{
    return cairn_numa_allocator(state);
}

static const char *audit(void *state)
{
    return cairn_numa_audit(state);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_numa_visit(state, visitor, context);
}

static void end(void *state)
{
    cairn_numa_destroy(state);
}

CONTRACT_KIND(numa_local, .name = "numa:local", .reuses = true, .make = local_make,
              .allocator = allocator, .audit = audit, .visit = visit, .end = end,
              .ends_with_live_blocks = true);
CONTRACT_KIND(numa_bind, .name = "numa:bind", .reuses = true, .make = bind_make,
              .allocator = allocator, .audit = audit, .visit = visit, .end = end,
              .ends_with_live_blocks = true);
CONTRACT_KIND(numa_interleave, .name = "numa:interleave", .reuses = true, .make = interleave_make,
              .allocator = allocator, .audit = audit, .visit = visit, .end = end,
              .ends_with_live_blocks = true);
CONTRACT_KIND(numa_first_touch, .name = "numa:first_touch", .reuses = true,
              .make = first_touch_make, .allocator = allocator, .audit = audit, .visit = visit,
              .end = end, .ends_with_live_blocks = true);
