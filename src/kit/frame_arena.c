/* SPDX-License-Identifier: MIT */
/*
 * The frame arena (frame_arena.h): two arenas in turn. `now` is the buffer of this frame, the other
 * one has the blocks of the last frame. Nothing here knows of chunks but their size; that each
 * buffer becomes one chunk is what makes flips cheap and later frames free of calls: a frame fits if
 * its bytes do, in whatever sizes and order they are asked for.
 */
#include "cairn/frame_arena.h"

#include "base/memory.h"
#include "kit/arena.h"

enum { FIRST_CHUNK = 64 * 1024 };

static cairn_arena *last_of(const cairn_frame_arena *frames)
{
    const cairn_arena *first = &frames->buffers[0];
    return (cairn_arena *)(frames->now == first ? &frames->buffers[1] : first);
}

static size_t high_water(const cairn_frame_arena *frames)
{
    return size_max(cairn_arena_stats_get(&frames->buffers[0]).peak,
                    cairn_arena_stats_get(&frames->buffers[1]).peak);
}

/* ---- beginning and end ---- */

static bool init_buffer(cairn_arena *buffer, const cairn_frame_arena_opts *opts, size_t budget)
{
    cairn_arena_opts arena = {
        .source = opts->source,
        .name = opts->name != NULL ? opts->name : "frame_arena",
        .first_chunk = FIRST_CHUNK,
        .limit = budget != 0 && !cairn__is_watched() ? budget + CHUNK_EXTRA : 0,
    };
    return cairn_arena_init(buffer, &arena) &&
           cairn_arena_reserve(buffer, budget != 0 ? budget : opts->first);
}

CAIRN_EXPORT bool cairn_frame_arena_init(cairn_frame_arena *frames,
                                         const cairn_frame_arena_opts *opts)
{
    static const cairn_frame_arena_opts defaults = {.name = NULL};
    if (opts == NULL)
        opts = &defaults;
    *frames = (cairn_frame_arena){.now = &frames->buffers[0]};
    if (opts->budget > (size_t)PTRDIFF_MAX / 2)
        return false;
    size_t budget = round_up(opts->budget, CHUNK_ALIGN);
    for (int i = 0; i < 2; i++) {
        if (init_buffer(&frames->buffers[i], opts, budget))
            continue;
        cairn_frame_arena_fini(frames);
        return false;
    }
    frames->source = frames->buffers[0].source;
    frames->budget = budget;
    return true;
}

static const cairn_layout FRAMES = {sizeof(cairn_frame_arena), _Alignof(cairn_frame_arena)};

CAIRN_EXPORT cairn_frame_arena *cairn_frame_arena_create(const cairn_frame_arena_opts *opts)
{
    cairn_frame_arena_opts given = opts != NULL ? *opts : (cairn_frame_arena_opts){.name = NULL};
    if (given.source.ops == NULL)
        given.source = cairn__arena_default_source();
    if (given.source.ops == NULL)
        return NULL;
    cairn_frame_arena *frames = cairn_allocator_alloc(given.source, FRAMES);
    if (frames == NULL)
        return NULL;
    if (!cairn_frame_arena_init(frames, &given)) {
        cairn_allocator_dealloc(given.source, frames, FRAMES);
        return NULL;
    }
    frames->created = true;
    return frames;
}

static void end_buffers(cairn_frame_arena *frames)
{
    cairn_arena_fini(frames->now);
    cairn_arena_fini(last_of(frames));
}

CAIRN_EXPORT void cairn_frame_arena_fini(cairn_frame_arena *frames)
{
    if (frames->now == NULL || frames->created)
        return;
    end_buffers(frames);
    *frames = (cairn_frame_arena){.now = &frames->buffers[0]};
}

CAIRN_EXPORT void cairn_frame_arena_destroy(cairn_frame_arena *frames)
{
    if (frames == NULL || !frames->created)
        return;
    frames->created = false;
    end_buffers(frames);
    cairn_allocator_dealloc(frames->source, frames, FRAMES);
}

/* ---- frames ---- */

/* Makes an empty buffer one chunk, if it has less than the largest frame needed. */
static void gather(const cairn_frame_arena *frames, cairn_arena *empty)
{
    size_t needed = high_water(frames);
    if (cairn_arena_stats_get(empty).room >= needed)
        return;
    cairn_arena_trim(empty, 0);
    cairn_arena_reserve(empty, needed + needed / 4);
}

CAIRN_EXPORT void cairn_frame_arena_flip(cairn_frame_arena *frames)
{
    cairn_arena *next = last_of(frames);
    if (next->ending)
        return;
    cairn_arena_reset(next);
    if (frames->budget == 0)
        gather(frames, next);
    frames->now = next;
    frames->frames++;
}

CAIRN_EXPORT void *cairn_frame_arena_refuse(cairn_frame_arena *frames)
{
    frames->refused++;
    return NULL;
}

/* ---- questions ---- */

CAIRN_EXPORT cairn_frame_arena_stats cairn_frame_arena_stats_get(const cairn_frame_arena *frames)
{
    cairn_arena_stats now = cairn_arena_stats_get(frames->now);
    cairn_arena_stats last = cairn_arena_stats_get(last_of(frames));
    return (cairn_frame_arena_stats){
        .name = now.name,
        .frames = frames->frames,
        .used = now.used,
        .used_last = last.used,
        .high_water = size_max(now.peak, last.peak),
        .budget = frames->budget,
        .reserved = now.reserved + last.reserved,
        .refused = frames->refused,
    };
}

CAIRN_EXPORT const char *cairn_frame_arena_audit(const cairn_frame_arena *frames)
{
    const cairn_arena *buffers = frames->buffers;
    if (frames->now != &buffers[0] && frames->now != &buffers[1])
        return "frame_arena: this frame has no buffer";
    for (int i = 0; i < 2; i++) {
        const char *wrong = cairn_arena_audit(&buffers[i]);
        if (wrong != NULL)
            return wrong;
        if (frames->budget != 0 && !buffers[i].watched && buffers[i].chunks != 1)
            return "frame_arena: a budget that is not one chunk";
    }
    return NULL;
}

CAIRN_EXPORT bool cairn_frame_arena_visit(const cairn_frame_arena *frames, cairn_visitor *visitor,
                                          void *context)
{
    return cairn_arena_visit(frames->now, visitor, context) &&
           cairn_arena_visit(last_of(frames), visitor, context);
}

/* ---- as an allocator ---- */

static void *frames_alloc(void *self, cairn_layout layout)
{
    return cairn_frame_arena_alloc(self, layout.size, layout.align);
}

static void frames_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_frame_arena *frames = self;
    cairn_allocator last = cairn_arena_allocator(last_of(frames));
    cairn_arena_dealloc(cairn_allocator_owns(last, ptr) ? last.self : frames->now, ptr, layout);
}

static void *frames_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_frame_arena *frames = self;
    cairn_allocator last = cairn_arena_allocator(last_of(frames));
    void *block;
    if (!cairn_allocator_owns(last, ptr)) {
        block = cairn_arena_realloc(frames->now, ptr, layout, new_size);
        return block != NULL ? block : cairn_frame_arena_refuse(frames);
    }
    block = frames_alloc(frames, cairn__layout(new_size, layout.align));
    if (block == NULL)
        return NULL;
    memcpy(block, ptr, size_min(layout.size, new_size));
    cairn_arena_dealloc(last.self, ptr, layout);
    return block;
}

static bool frames_owns(void *self, const void *ptr)
{
    const cairn_frame_arena *frames = self;
    return cairn_allocator_owns(cairn_arena_allocator(frames->now), ptr) ||
           cairn_allocator_owns(cairn_arena_allocator(last_of(frames)), ptr);
}

CAIRN_EXPORT cairn_allocator cairn_frame_arena_allocator(cairn_frame_arena *frames)
{
    static const cairn_allocator_ops ops = {
        .name = "frame_arena",
        .alloc = frames_alloc,
        .dealloc = frames_dealloc,
        .realloc = frames_realloc,
        .owns = frames_owns,
    };
    return (cairn_allocator){&ops, frames};
}
