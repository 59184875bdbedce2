/* SPDX-License-Identifier: MIT */
/* A log around an allocator, written to nowhere, in both forms. */
#include "cairn/traced.h"

#include "contract/contract.h"

struct state {
    cairn_traced traced;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct state), _Alignof(struct state)};

static void *make_with(cairn_allocator wrapped, cairn_allocator source, cairn_traced_opts opts)
{
    struct state *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    opts.records = source;
    if (cairn_traced_init(&state->traced, wrapped, &opts))
        return state;
    cairn_allocator_dealloc(source, state, STATE);
    return NULL;
}

static void *make_wrapper(cairn_allocator wrapped, cairn_allocator source)
{
    return make_with(wrapped, source,
                     (cairn_traced_opts){.path = "/dev/null", .buffers = 1, .buffer_size = 4096});
}

static void *make_text(cairn_allocator source)
{
    return make_with(
        source, source,
        (cairn_traced_opts){
            .path = "/dev/null", .buffers = 1, .buffer_size = 4096, .questions = true});
}

static void *make_binary(cairn_allocator source)
{
    return make_with(source, source,
                     (cairn_traced_opts){.path = "/dev/null",
                                         .buffers = 1,
                                         .buffer_size = 4096,
                                         .questions = true,
                                         .binary = true});
}

static cairn_allocator allocator(void *state)
{
    return cairn_traced_allocator(&((struct state *)state)->traced);
}

static const char *audit(void *state)
{
    return cairn_traced_audit(&((struct state *)state)->traced);
}

static void end(void *ptr)
{
    struct state *state = ptr;
    cairn_traced_fini(&state->traced);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(text, .name = "traced", .reuses = true, .make = make_text, .allocator = allocator,
              .audit = audit, .end = end);

CONTRACT_KIND(binary, .name = "traced:binary", .reuses = true, .make = make_binary,
              .allocator = allocator, .audit = audit, .end = end);

CONTRACT_WRAPPER(traced, .name = "traced", .make = make_wrapper, .allocator = allocator,
                 .audit = audit, .end = end);
