/* SPDX-License-Identifier: MIT */
/* Guards around each kind, and around the source itself: canaries alone, and with guard pages behind
 * blocks of 3000 bytes and more and before one small block in ten. */
#include "cairn/guarded.h"

#include "contract/contract.h"

struct guarding {
    cairn_guarded guarded;
    cairn_allocator source;
};

static const cairn_layout STATE = {sizeof(struct guarding), _Alignof(struct guarding)};

static void *make_with(cairn_allocator wrapped, cairn_allocator source, cairn_guarded_opts opts)
{
    struct guarding *state = cairn_allocator_alloc(source, STATE);
    if (state == NULL)
        return NULL;
    state->source = source;
    opts.records = source;
    opts.quarantine_blocks = 64;
    opts.quarantine_bytes = 128 * 1024;
    opts.seed = 1;
    cairn_guarded_init(&state->guarded, wrapped, &opts);
    return state;
}

static void *make(cairn_allocator wrapped, cairn_allocator source)
{
    return make_with(wrapped, source, (cairn_guarded_opts){.fill_fresh = true});
}

/* From a size that kinds with a small region are never asked for: there a page is a large part. */
static void *make_after(cairn_allocator wrapped, cairn_allocator source)
{
    return make_with(wrapped, source,
                     (cairn_guarded_opts){.pages = CAIRN_GUARDED_PAGE_AFTER, .pages_from = 3000});
}

static void *make_kind(cairn_allocator source)
{
    return make(source, source);
}

static void *make_kind_after(cairn_allocator source)
{
    return make_after(source, source);
}

static void *make_kind_before(cairn_allocator source)
{
    return make_with(source, source,
                     (cairn_guarded_opts){.pages = CAIRN_GUARDED_PAGE_BEFORE,
                                          .pages_every = 10,
                                          .random_quarantine = true});
}

static cairn_allocator allocator(void *state)
{
    return cairn_guarded_allocator(&((struct guarding *)state)->guarded);
}

static const char *audit(void *state)
{
    return cairn_guarded_audit(&((struct guarding *)state)->guarded);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_guarded_visit(&((struct guarding *)state)->guarded, visitor, context);
}

static void end(void *ptr)
{
    struct guarding *state = ptr;
    cairn_guarded_fini(&state->guarded);
    cairn_allocator_dealloc(state->source, state, STATE);
}

CONTRACT_KIND(guarded, .name = "guarded", .reuses = true, .make = make_kind, .allocator = allocator,
              .audit = audit, .visit = visit, .end = end, .ends_with_live_blocks = true);

CONTRACT_KIND(guarded_after, .name = "guarded:after", .reuses = true, .make = make_kind_after,
              .allocator = allocator, .audit = audit, .visit = visit, .end = end,
              .ends_with_live_blocks = true);

CONTRACT_KIND(guarded_before, .name = "guarded:before", .reuses = true, .make = make_kind_before,
              .allocator = allocator, .audit = audit, .visit = visit, .end = end,
              .ends_with_live_blocks = true);

CONTRACT_WRAPPER(guarded, .name = "guarded", .make = make, .allocator = allocator, .audit = audit,
                 .end = end);

CONTRACT_WRAPPER(guarded_after, .name = "guarded:after", .make = make_after, .allocator = allocator,
                 .audit = audit, .end = end);
