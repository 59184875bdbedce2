/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. The frame arena: for work in rounds, such as the frames of a game, whose
 * blocks live until the end of the next round. Two arenas (arena.h) take turns: a flip begins a
 * frame, ends the blocks of the one before the last, and leaves those of the last one valid. (Double
 * buffering of per-frame memory: S. Ranck, Frame-based memory allocation, in Game Programming Gems,
 * 2000.)
 *
 * With a budget, both buffers are taken in whole when the frame arena is made, and the source is
 * never called again. Without, a frame that needs more room takes it, and each buffer is then made
 * one chunk, a quarter larger than the largest frame so far, at the flip that empties it: two flips
 * after the largest frame the source is called no more, and thus no system call is made.
 *
 * Cost of a block: as in an arena, and one load. Needs no C library (CAIRN_FREESTANDING).
 */
#ifndef CAIRN_FRAME_ARENA_H
#define CAIRN_FRAME_ARENA_H

#include "cairn/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_frame_arena_opts {
    cairn_allocator source; /* as of cairn_arena_opts */
    const char *name;       /* likewise. NULL: "frame_arena" */

    /* Bytes for each frame, padding included, at most: rounded up to 16; beyond it requests give
     * NULL. 0: none. (Not under a tool that watches, where blocks need more.) */
    size_t budget;

    /* Without a budget: bytes for each frame that are taken when it is made. 0: none. */
    size_t first;
} cairn_frame_arena_opts;

/* All fields are private. */
typedef struct cairn_frame_arena {
    cairn_arena *now;
    cairn_arena buffers[2];
    cairn_allocator source;
    size_t budget;
    size_t frames;
    size_t refused;
    bool created;
} cairn_frame_arena;

/* The first frame begins. NULL: out of memory, or no source. */
cairn_frame_arena *cairn_frame_arena_create(const cairn_frame_arena_opts *opts);

/* Ends all blocks, runs the cleanups of both frames, gives all memory back. NULL, or one that was
 * made by init: nothing. */
void cairn_frame_arena_destroy(cairn_frame_arena *frames);

/* The same in the caller's storage, not to be moved. False as for create: it serves nothing. */
bool cairn_frame_arena_init(cairn_frame_arena *frames, const cairn_frame_arena_opts *opts);
void cairn_frame_arena_fini(cairn_frame_arena *frames); /* on one that has ended: nothing */

/* Begins the next frame. Cleanups of the frame before the last are run; they may use blocks of the
 * last one. O(chunks) while it warms up, then O(1), cleanups apart. */
void cairn_frame_arena_flip(cairn_frame_arena *frames);

/*
 * The arena of this frame, for all that arenas can do: text, vectors, marks, cleanups, children. A
 * vector or string goes on growing in the frame that it was begun in: begin a new one each frame.
 */
static inline cairn_arena *cairn_frame_arena_now(cairn_frame_arena *frames)
{
    return frames->now;
}

void *cairn_frame_arena_refuse(cairn_frame_arena *frames);

/* A block, valid in this frame and the next; else as cairn_arena_alloc. */
static inline void *cairn_frame_arena_alloc(cairn_frame_arena *frames, size_t size, size_t align)
{
    void *block = cairn_arena_alloc(frames->now, size, align);
    return __builtin_expect(block != NULL, 1) ? block : cairn_frame_arena_refuse(frames);
}

/* ---- questions ---- */

typedef struct cairn_frame_arena_stats { /* bytes, unless said otherwise */
    const char *name;
    size_t frames;     /* a count: of flips */
    size_t used;       /* in this frame so far, padding and marks included */
    size_t used_last;  /* in the last one */
    size_t high_water; /* the most that a frame has used */
    size_t budget;     /* 0: none */
    size_t reserved;   /* from the source, both buffers */
    size_t refused;    /* a count: of NULLs given by cairn_frame_arena_alloc and the allocator */
} cairn_frame_arena_stats;

cairn_frame_arena_stats cairn_frame_arena_stats_get(const cairn_frame_arena *frames); /* O(1) */

/* NULL: sound; else what is wrong. O(what cairn_arena_audit takes for both frames). */
const char *cairn_frame_arena_audit(const cairn_frame_arena *frames);

/* Both frames, as cairn_arena_visit has them. */
bool cairn_frame_arena_visit(const cairn_frame_arena *frames, cairn_visitor *visitor,
                             void *context);

/* As an allocator of this frame, whichever it is at the time. A realloc that moves a block makes it
 * one of this frame, and it moves each block of the last one. Tells what it owns in both frames. */
cairn_allocator cairn_frame_arena_allocator(cairn_frame_arena *frames);

#ifdef __cplusplus
}
#endif

#endif
