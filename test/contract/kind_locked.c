/* SPDX-License-Identifier: MIT */
/* One lock around an allocator. */
#include "cairn/locked.h"

#include "contract/contract.h"

struct locking {
    cairn_locked locked;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct locking), _Alignof(struct locking)};

static void *make(cairn_allocator wrapped, cairn_allocator source)
{
    struct locking *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    cairn_locked_init(&state->locked, wrapped);
    return state;
}

static void *make_kind(cairn_allocator source)
{
    return make(source, source);
}

static cairn_allocator allocator(void *state)
{
    return cairn_locked_allocator(&((struct locking *)state)->locked);
}

static const char *audit(void *state)
{
    return cairn_locked_audit(&((struct locking *)state)->locked);
}

static void end(void *ptr)
{
    struct locking *state = ptr;
    cairn_locked_fini(&state->locked);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(locked, .name = "locked", .reuses = true, .make = make_kind, .allocator = allocator,
              .audit = audit, .end = end);

CONTRACT_WRAPPER(locked, .name = "locked", .make = make, .allocator = allocator, .audit = audit,
                 .end = end);
