/* SPDX-License-Identifier: MIT */
/* A budget: without a limit around each kind; with one it is itself a kind of that capacity. */
#include "cairn/limited.h"

#include "contract/contract.h"

struct limiting {
    cairn_limited limited;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct limiting), _Alignof(struct limiting)};

static void *make_with(cairn_allocator wrapped, cairn_allocator source,
                       const cairn_limited_opts *opts)
{
    struct limiting *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    cairn_limited_init(&state->limited, wrapped, opts);
    return state;
}

static void *make(cairn_allocator wrapped, cairn_allocator source)
{
    return make_with(wrapped, source, NULL);
}

enum { CAPACITY = 16 * 1024 };

static void *make_kind(cairn_allocator source)
{
    return make_with(source, source, &(cairn_limited_opts){.max_bytes = CAPACITY});
}

static cairn_allocator allocator(void *state)
{
    return cairn_limited_allocator(&((struct limiting *)state)->limited);
}

static const char *audit(void *state)
{
    cairn_limited_stats now;
    cairn_limited *limited = &((struct limiting *)state)->limited;
    cairn_limited_stats_get(limited, &now);
    if (limited->limit.max_bytes != 0 && now.peak_bytes > CAPACITY)
        return "the budget was exceeded";
    return cairn_limited_audit(limited);
}

static void end(void *ptr)
{
    struct limiting *state = ptr;
    cairn_limited_fini(&state->limited);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(limited, .name = "limited", .capacity = CAPACITY, .reuses = true, .make = make_kind,
              .allocator = allocator, .audit = audit, .end = end);

CONTRACT_WRAPPER(limited, .name = "limited", .make = make, .allocator = allocator, .audit = audit,
                 .end = end);
