/* SPDX-License-Identifier: MIT */
/* The arena, with chunks that double, of one size, and none kept; and the frame arena. */
#include "cairn/arena.h"
#include "cairn/frame_arena.h"

#include "contract/contract.h"

static void *doubling_make(cairn_allocator source)
{
    return cairn_arena_create(&(cairn_arena_opts){.source = source});
}

static void *fixed_make(cairn_allocator source)
{
    return cairn_arena_create(
        &(cairn_arena_opts){.source = source, .first_chunk = 2048, .max_chunk = 2048});
}

static void *frugal_make(cairn_allocator source)
{
    return cairn_arena_create(&(cairn_arena_opts){.source = source, .first_chunk = 256, .keep = 1});
}

static cairn_allocator arena_allocator(void *state)
{
    return cairn_arena_allocator(state);
}

static void arena_reset(void *state)
{
    cairn_arena_reset(state);
}

static const char *arena_audit(void *state)
{
    return cairn_arena_audit(state);
}

static bool arena_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_arena_visit(state, visitor, context);
}

static void arena_end(void *state)
{
    cairn_arena_destroy(state);
}

CONTRACT_KIND(arena, .name = "arena", .make = doubling_make, .allocator = arena_allocator,
              .reset = arena_reset, .audit = arena_audit, .visit = arena_visit, .end = arena_end,
              .ends_with_live_blocks = true);

CONTRACT_KIND(arena_fixed, .name = "arena:fixed", .make = fixed_make, .allocator = arena_allocator,
              .reset = arena_reset, .audit = arena_audit, .visit = arena_visit, .end = arena_end,
              .ends_with_live_blocks = true);

CONTRACT_KIND(arena_frugal, .name = "arena:keep=1", .make = frugal_make,
              .allocator = arena_allocator, .reset = arena_reset, .audit = arena_audit,
              .visit = arena_visit, .end = arena_end, .ends_with_live_blocks = true);

static void *frames_make(cairn_allocator source)
{
    return cairn_frame_arena_create(&(cairn_frame_arena_opts){.source = source});
}

static cairn_allocator frames_allocator(void *state)
{
    return cairn_frame_arena_allocator(state);
}

static void frames_reset(void *state)
{
    cairn_frame_arena_flip(state);
    cairn_frame_arena_flip(state);
}

static const char *frames_audit(void *state)
{
    return cairn_frame_arena_audit(state);
}

static bool frames_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_frame_arena_visit(state, visitor, context);
}

static void frames_end(void *state)
{
    cairn_frame_arena_destroy(state);
}

CONTRACT_KIND(frame_arena, .name = "frame_arena", .make = frames_make,
              .allocator = frames_allocator, .reset = frames_reset, .audit = frames_audit,
              .visit = frames_visit, .end = frames_end, .ends_with_live_blocks = true);
