/* SPDX-License-Identifier: MIT */
/* Requests that fail on a schedule: with none; with a share of them at random, in a small region's
 * stead, since only a kind of bounded capacity may refuse while the source has memory. */
#include "cairn/failing.h"

#include "contract/contract.h"

struct state {
    cairn_failing failing;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct state), _Alignof(struct state)};

static void *make_with(cairn_allocator source, const cairn_failing_opts *opts)
{
    struct state *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    cairn_failing_init(&state->failing, source, opts);
    return state;
}

static void *make_never(cairn_allocator source)
{
    return make_with(source, NULL);
}

static void *make_at_random(cairn_allocator source)
{
    return make_with(source, &(cairn_failing_opts){.probability = 0.2, .shrinks = true});
}

static cairn_allocator allocator(void *state)
{
    return cairn_failing_allocator(&((struct state *)state)->failing);
}

static const char *audit(void *state)
{
    return cairn_failing_audit(&((struct state *)state)->failing);
}

static void end(void *ptr)
{
    struct state *state = ptr;
    cairn_failing_fini(&state->failing);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(never, .name = "failing", .reuses = true, .make = make_never, .allocator = allocator,
              .audit = audit, .end = end);

CONTRACT_KIND(at_random, .name = "failing:probability=0.2", .capacity = 64 * 1024, .reuses = false,
              .make = make_at_random, .allocator = allocator, .audit = audit, .end = end);
