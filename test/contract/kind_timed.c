/* SPDX-License-Identifier: MIT */
/* A latency histogram around an allocator. */
#include "cairn/timed.h"

#include "contract/contract.h"

struct state {
    cairn_timed timed;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct state), _Alignof(struct state)};

static void *make(cairn_allocator wrapped, cairn_allocator source)
{
    struct state *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    if (cairn_timed_init(&state->timed, wrapped, &(cairn_timed_opts){.records = source}))
        return state;
    cairn_allocator_dealloc(source, state, STATE);
    return NULL;
}

static void *make_kind(cairn_allocator source)
{
    return make(source, source);
}

static cairn_allocator allocator(void *state)
{
    return cairn_timed_allocator(&((struct state *)state)->timed);
}

static const char *audit(void *state)
{
    return cairn_timed_audit(&((struct state *)state)->timed);
}

static void end(void *ptr)
{
    struct state *state = ptr;
    cairn_timed_fini(&state->timed);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(timed, .name = "timed", .reuses = true, .make = make_kind, .allocator = allocator,
              .audit = audit, .end = end);

CONTRACT_WRAPPER(timed, .name = "timed", .make = make, .allocator = allocator, .audit = audit,
                 .end = end);
