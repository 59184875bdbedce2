/* SPDX-License-Identifier: MIT */
/* An oracle for each side, so that a block that ends on the other one is noticed. */
#include "cairn/checked.h"
#include "cairn/segregated.h"

#include "contract/contract.h"

struct state {
    cairn_checked small;
    cairn_checked large;
    cairn_segregated segregated;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct state), _Alignof(struct state)};

static void *make(cairn_allocator source)
{
    struct state *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    cairn_checked_opts opts = {.records = source, .no_quarantine = true};
    cairn_checked_init(&state->small, source, &opts);
    cairn_checked_init(&state->large, source, &opts);
    cairn_segregated_init(&state->segregated, cairn_checked_allocator(&state->small),
                          cairn_checked_allocator(&state->large), 128);
    return state;
}

static cairn_allocator allocator(void *state)
{
    return cairn_segregated_allocator(&((struct state *)state)->segregated);
}

static const char *audit(void *ptr)
{
    struct state *state = ptr;
    const char *wrong = cairn_segregated_audit(&state->segregated);
    if (wrong == NULL)
        wrong = cairn_checked_audit(&state->small);
    return wrong != NULL ? wrong : cairn_checked_audit(&state->large);
}

static void end(void *ptr)
{
    struct state *state = ptr;
    cairn_segregated_fini(&state->segregated);
    cairn_checked_fini(&state->small);
    cairn_checked_fini(&state->large);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(segregated, .name = "segregated(system,system)", .reuses = true, .make = make,
              .allocator = allocator, .audit = audit, .end = end);
