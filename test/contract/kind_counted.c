/* SPDX-License-Identifier: MIT */
/* Figures and records around an allocator; records fail like the rest of the source. */
#include "cairn/counted.h"

#include "contract/contract.h"

struct state {
    cairn_counted counted;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct state), _Alignof(struct state)};

static void *make_with(cairn_allocator wrapped, cairn_allocator source, cairn_counted_opts opts)
{
    struct state *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    opts.records = source;
    if (cairn_counted_init(&state->counted, wrapped, &opts))
        return state;
    cairn_allocator_dealloc(source, state, STATE);
    return NULL;
}

static void *make_wrapper(cairn_allocator wrapped, cairn_allocator source)
{
    return make_with(wrapped, source, (cairn_counted_opts){.frames = 1});
}

static void *make_kind(cairn_allocator source)
{
    return make_with(source, source, (cairn_counted_opts){.frames = 0});
}

static void *make_plain(cairn_allocator source)
{
    return make_with(source, source, (cairn_counted_opts){.no_records = true});
}

static cairn_allocator allocator(void *state)
{
    return cairn_counted_allocator(&((struct state *)state)->counted);
}

static const char *audit(void *state)
{
    return cairn_counted_audit(&((struct state *)state)->counted);
}

static void end(void *ptr)
{
    struct state *state = ptr;
    cairn_counted_fini(&state->counted);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(counted, .name = "counted", .reuses = true, .make = make_kind, .allocator = allocator,
              .audit = audit, .end = end);

CONTRACT_KIND(plain, .name = "counted:no_records", .reuses = true, .make = make_plain,
              .allocator = allocator, .audit = audit, .end = end);

CONTRACT_WRAPPER(counted, .name = "counted", .make = make_wrapper, .allocator = allocator,
                 .audit = audit, .end = end);
