/* SPDX-License-Identifier: MIT */
/* On a source, and in fixed memory that is no power of two. */
#include "cairn/buddy.h"

#include "contract/contract.h"

enum { FIXED_SIZE = 300 * 1000 };

static void *created_make(cairn_allocator source)
{
    cairn_buddy_opts opts = {.min_block = 32, .region = 8192};
    return cairn_buddy_create(source, &opts);
}

static cairn_allocator created_allocator(void *state)
{
    return cairn_buddy_allocator(state);
}

static void created_reset(void *state)
{
    cairn_buddy_reset(state);
}

static const char *created_audit(void *state)
{
    return cairn_buddy_audit(state);
}

static bool created_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_buddy_visit(state, visitor, context);
}

static void created_end(void *state)
{
    cairn_buddy_destroy(state);
}

CONTRACT_KIND(created, .name = "buddy", .reuses = true, .make = created_make,
              .allocator = created_allocator, .reset = created_reset, .audit = created_audit,
              .visit = created_visit, .end = created_end, .ends_with_live_blocks = true);

struct fixed {
    cairn_allocator source;
    cairn_buddy buddy;
    char buffer[FIXED_SIZE];
};

static void *fixed_make(cairn_allocator source)
{
    struct fixed *fixed = cairn_allocator_alloc(source, cairn_layout_of(struct fixed));
    if (fixed == NULL)
        return NULL;
    fixed->source = source;
    if (cairn_buddy_init(&fixed->buddy, fixed->buffer, sizeof fixed->buffer, NULL))
        return fixed;
    cairn_allocator_dealloc(source, fixed, cairn_layout_of(struct fixed));
    return NULL;
}

static cairn_allocator fixed_allocator(void *state)
{
    return cairn_buddy_allocator(&((struct fixed *)state)->buddy);
}

static void fixed_reset(void *state)
{
    cairn_buddy_reset(&((struct fixed *)state)->buddy);
}

static const char *fixed_audit(void *state)
{
    return cairn_buddy_audit(&((struct fixed *)state)->buddy);
}

static bool fixed_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_buddy_visit(&((struct fixed *)state)->buddy, visitor, context);
}

static void fixed_end(void *state)
{
    struct fixed *fixed = state;
    cairn_allocator source = fixed->source;
    cairn_buddy_fini(&fixed->buddy);
    cairn_allocator_dealloc(source, fixed, cairn_layout_of(struct fixed));
}

CONTRACT_KIND(fixed, .name = "buddy:fixed", .capacity = FIXED_SIZE / 4, .reuses = true,
              .make = fixed_make, .allocator = fixed_allocator, .reset = fixed_reset,
              .audit = fixed_audit, .visit = fixed_visit, .end = fixed_end,
              .ends_with_live_blocks = true);
