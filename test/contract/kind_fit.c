/* SPDX-License-Identifier: MIT */
/* The strategies and the ways of coalescing, on a source; and in fixed memory, where they merge. */
#include "cairn/fit.h"

#include "contract/contract.h"

enum { FIXED_SIZE = 256 * 1024 };

static void *create(cairn_allocator source, enum cairn_fit_strategy strategy,
                    enum cairn_fit_coalescing coalescing)
{
    cairn_fit_opts opts = {
        .strategy = strategy, .coalescing = coalescing, .region = 8192, .kept_max = 16};
    return cairn_fit_create(source, &opts);
}

static cairn_allocator created_allocator(void *state)
{
    return cairn_fit_allocator(state);
}

static void created_reset(void *state)
{
    cairn_fit_reset(state);
}

static const char *created_audit(void *state)
{
    return cairn_fit_audit(state);
}

static bool created_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_fit_visit(state, visitor, context);
}

static void created_end(void *state)
{
    cairn_fit_destroy(state);
}

#define CREATED(id, text, strategy, coalescing)                                                    \
    static void *make_##id(cairn_allocator source)                                                 \
    {                                                                                              \
        return create(source, strategy, coalescing);                                               \
    }                                                                                              \
    CONTRACT_KIND(id, .name = "fit:" text, .reuses = true, .make = make_##id,                      \
                  .allocator = created_allocator, .reset = created_reset, .audit = created_audit,  \
                  .visit = created_visit, .end = created_end, .ends_with_live_blocks = true)

CREATED(segregated, "segregated", CAIRN_FIT_SEGREGATED, CAIRN_FIT_IMMEDIATE);
CREATED(segregated_deferred, "segregated,deferred", CAIRN_FIT_SEGREGATED, CAIRN_FIT_DEFERRED);
CREATED(segregated_never, "segregated,never", CAIRN_FIT_SEGREGATED, CAIRN_FIT_NEVER);
CREATED(best, "best", CAIRN_FIT_BEST, CAIRN_FIT_IMMEDIATE);
CREATED(best_deferred, "best,deferred", CAIRN_FIT_BEST, CAIRN_FIT_DEFERRED);
CREATED(first, "first", CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);
CREATED(first_never, "first,never", CAIRN_FIT_FIRST, CAIRN_FIT_NEVER);
CREATED(next_deferred, "next,deferred", CAIRN_FIT_NEXT, CAIRN_FIT_DEFERRED);

/* ---- in fixed memory ---- */

struct fixed {
    cairn_allocator source;
    cairn_fit fit;
    _Alignas(64) char buffer[FIXED_SIZE];
};

static void *make_fixed(cairn_allocator source, enum cairn_fit_strategy strategy,
                        enum cairn_fit_coalescing coalescing)
{
    cairn_fit_opts opts = {.strategy = strategy, .coalescing = coalescing};
    struct fixed *fixed = cairn_allocator_alloc(source, cairn_layout_of(struct fixed));
    if (fixed == NULL)
        return NULL;
    fixed->source = source;
    if (cairn_fit_init(&fixed->fit, fixed->buffer, sizeof fixed->buffer, &opts))
        return fixed;
    cairn_allocator_dealloc(source, fixed, cairn_layout_of(struct fixed));
    return NULL;
}

static cairn_allocator fixed_allocator(void *state)
{
    return cairn_fit_allocator(&((struct fixed *)state)->fit);
}

static void fixed_reset(void *state)
{
    cairn_fit_reset(&((struct fixed *)state)->fit);
}

static const char *fixed_audit(void *state)
{
    return cairn_fit_audit(&((struct fixed *)state)->fit);
}

static bool fixed_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_fit_visit(&((struct fixed *)state)->fit, visitor, context);
}

static void fixed_end(void *state)
{
    struct fixed *fixed = state;
    cairn_allocator source = fixed->source;
    cairn_fit_fini(&fixed->fit);
    cairn_allocator_dealloc(source, fixed, cairn_layout_of(struct fixed));
}

#define FIXED(id, text, strategy, coalescing)                                                      \
    static void *make_fixed_##id(cairn_allocator source)                                           \
    {                                                                                              \
        return make_fixed(source, strategy, coalescing);                                           \
    }                                                                                              \
    CONTRACT_KIND(fixed_##id, .name = "fit:" text ",fixed", .capacity = FIXED_SIZE / 2,            \
                  .reuses = true, .make = make_fixed_##id, .allocator = fixed_allocator,           \
                  .reset = fixed_reset, .audit = fixed_audit, .visit = fixed_visit,                \
                  .end = fixed_end, .ends_with_live_blocks = true)

FIXED(segregated, "segregated", CAIRN_FIT_SEGREGATED, CAIRN_FIT_IMMEDIATE);
FIXED(best_deferred, "best,deferred", CAIRN_FIT_BEST, CAIRN_FIT_DEFERRED);
FIXED(next, "next", CAIRN_FIT_NEXT, CAIRN_FIT_IMMEDIATE);
