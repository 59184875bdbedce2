/* SPDX-License-Identifier: MIT */
/* A first source with a small budget that knows its own blocks, and the source behind it. */
#include "cairn/checked.h"
#include "cairn/fallback.h"
#include "cairn/limited.h"

#include "contract/contract.h"

struct state {
    cairn_checked first;
    cairn_limited budget;
    cairn_fallback fallback;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct state), _Alignof(struct state)};

static void *make(cairn_allocator source)
{
    struct state *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    cairn_checked_init(&state->first, source,
                       &(cairn_checked_opts){.records = source, .no_quarantine = true});
    cairn_limited_init(&state->budget, cairn_checked_allocator(&state->first),
                       &(cairn_limited_opts){.max_bytes = 4096, .max_blocks = 12});
    if (!cairn_fallback_init(&state->fallback, cairn_limited_allocator(&state->budget), source)) {
        cairn_allocator_dealloc(source, state, STATE);
        return NULL;
    }
    return state;
}

static cairn_allocator allocator(void *state)
{
    return cairn_fallback_allocator(&((struct state *)state)->fallback);
}

static const char *audit(void *ptr)
{
    struct state *state = ptr;
    const char *wrong = cairn_fallback_audit(&state->fallback);
    if (wrong == NULL)
        wrong = cairn_limited_audit(&state->budget);
    return wrong != NULL ? wrong : cairn_checked_audit(&state->first);
}

static void end(void *ptr)
{
    struct state *state = ptr;
    cairn_fallback_fini(&state->fallback);
    cairn_limited_fini(&state->budget);
    cairn_checked_fini(&state->first);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(fallback, .name = "fallback(limited,system)", .reuses = true, .make = make,
              .allocator = allocator, .audit = audit, .end = end);
