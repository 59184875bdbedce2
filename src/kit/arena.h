/* SPDX-License-Identifier: MIT */
/*
 * What the arena's own files share (cairn/arena.h is for everybody). No locks: an arena is one
 * thread's at a time.
 *
 * A chunk is a block of the source: header, blocks, and room for one mark's place at the end, so
 * that a mark never needs memory. `chunk` is the one that blocks are cut from, and the list of those
 * it was cut from before; `large` those with one block of their own. What is empty waits in `kept`
 * and, if it was large, in `kept_large`. The lists run from the latest to the oldest.
 *
 * One clock orders what a rewind must tell apart: chunks and children have the time of their birth,
 * marks their serial number. The time never goes back, so no number is given twice.
 *
 * The truth about where blocks end is the cursor; it stands in `next` while the inline path is open
 * and in `cursor` otherwise: no chunk, tools that watch, the arena is being ended.
 *
 *     end == NULL, or end = chunk_end(chunk) and chunk_first(chunk) <= next <= end
 *     reserved    = sum of size over all chunks, `chunks` their number
 *     kept_bytes  = sum of size over kept and kept_large
 *     used_before = sum of left - chunk_first over large and over chunk but for the latest
 *     wasted      = sum of chunk_end - left over the same
 *     limit == 0, or reserved <= limit
 */
#ifndef CAIRN_KIT_ARENA_H
#define CAIRN_KIT_ARENA_H

#include "cairn/arena.h"
#include "cairn/arena_tree.h"

#include "base/bits.h"
#include "base/visible.h"

typedef struct cairn__arena_chunk arena_chunk;
typedef struct cairn__arena_note arena_note;

struct cairn__arena_chunk {
    arena_chunk *older;
    char *left;  /* where its blocks end; of the chunk in use the cursor says that */
    size_t size; /* all of it, a multiple of CHUNK_ALIGN */
    uint64_t birth;
};

struct cairn__arena_cleanup {
    struct cairn__arena_cleanup *older;
    cairn_arena_cleanup *call; /* NULL: taken back */
    void *argument;
};

/*
 * Before each block of an arena that is watched, out of bounds for all others: it keeps neighbours
 * apart, and at a rewind it tells where a block was that must be shown to have ended.
 */
struct cairn__arena_block {
    struct cairn__arena_block *older;
    size_t size; /* BLOCK_ENDED: was shown to have ended */
};

#define BLOCK_ENDED SIZE_MAX

enum {
    CHUNK_ALIGN = 16,
    HEADER_SIZE = (sizeof(arena_chunk) + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN,
    TAIL_SIZE = (sizeof(arena_note) + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN,
    CHUNK_EXTRA = HEADER_SIZE + TAIL_SIZE,
    CHUNK_SIZE_MIN = CHUNK_EXTRA + 48,
    WATCHED_ALIGN = 8,
};

_Static_assert(_Alignof(arena_note) <= CHUNK_ALIGN, "the tail of a chunk holds a note");
_Static_assert(sizeof(struct cairn__arena_block) % WATCHED_ALIGN == 0, "blocks follow aligned");

static inline char *chunk_first(const arena_chunk *chunk)
{
    return (char *)chunk + HEADER_SIZE;
}

static inline char *chunk_end(const arena_chunk *chunk)
{
    return (char *)chunk + (chunk->size - TAIL_SIZE);
}

/* The room for a note behind its end. */
static inline arena_note *chunk_tail(const arena_chunk *chunk)
{
    return (arena_note *)chunk_end(chunk);
}

static inline char *arena_cursor(const cairn_arena *arena)
{
    return arena->end != NULL ? arena->next : arena->cursor;
}

/* No block and no note is in a chunk that is cut from; the first chunk may be there, or not. */
static inline bool arena_is_at_start(const cairn_arena *arena)
{
    const arena_chunk *chunk = arena->chunk;
    return chunk == NULL || (chunk->older == NULL && arena_cursor(arena) == chunk_first(chunk));
}

/* Opens or closes the inline path, as is right. */
static inline void arena_set_cursor(cairn_arena *arena, char *cursor)
{
    bool is_inline = arena->chunk != NULL && !arena->watched && !arena->ending;
    arena->next = is_inline ? cursor : NULL;
    arena->end = is_inline ? chunk_end(arena->chunk) : NULL;
    arena->cursor = is_inline ? NULL : cursor;
}

static inline size_t arena_used(const cairn_arena *arena)
{
    if (arena->chunk == NULL)
        return arena->used_before;
    return arena->used_before + (size_t)(arena_cursor(arena) - chunk_first(arena->chunk));
}

/* Before anything that makes `used` smaller. */
static inline void arena_note_peak(cairn_arena *arena)
{
    arena->peak = size_max(arena->peak, arena_used(arena));
}

/* What a block takes from where it begins; size != 0, not above PTRDIFF_MAX. */
static inline size_t arena_span(const cairn_arena *arena, size_t size)
{
    return arena->watched ? round_up(size, WATCHED_ALIGN) + WATCHED_ALIGN : size;
}

/* ---- arena_chunk.c ---- */

/* Makes a chunk that has `need` bytes the one in use. False: there is none. */
bool cairn__arena_enter(cairn_arena *arena, size_t need);

/* A chunk for one block of `need` bytes, the latest of the large ones; the caller says by
 * cairn__arena_leave where that block ends. NULL: there is none. */
arena_chunk *cairn__arena_enter_large(cairn_arena *arena, size_t need);

/* The latest large chunk, whose block is the latest there is, with `need` bytes, moved or not. As
 * above; the caller has called cairn__arena_unleave. NULL: nothing has changed. */
arena_chunk *cairn__arena_resize_large(cairn_arena *arena, size_t need);

/* Where the blocks of a chunk end that is not, or no longer, the one in use; and the opposite. */
void cairn__arena_leave(cairn_arena *arena, arena_chunk *chunk, char *left);
void cairn__arena_unleave(cairn_arena *arena, arena_chunk *chunk);

/* Keeps the chunks that were born after `time`, but the very first. */
void cairn__arena_keep_since(cairn_arena *arena, uint64_t time);
void cairn__arena_keep_large(cairn_arena *arena);

void cairn__arena_give_all(cairn_arena *arena);

/* Trims as arena->keep says. */
void cairn__arena_settle(cairn_arena *arena);

/* ---- arena.c ---- */

/*
 * More room for an array that grows: ptr's block of *capacity elements, or a new one if ptr is NULL,
 * for `count` elements, more than it has; for twice as many as it has where they can be had. *capacity
 * is then what it has. NULL: out of memory, or the element has no size; nothing has changed.
 */
void *cairn__arena_grow(cairn_arena *arena, void *ptr, cairn_layout element, size_t *capacity,
                        size_t count);

/* Shows that blocks have ended, from the latest to the one before `until`. */
void cairn__arena_end_blocks(cairn_arena *arena, struct cairn__arena_block *until);

/* ---- arena_mark.c ---- */

/* The arena before anything was allocated; only cleanups and children are not its business. */
void cairn__arena_restart(cairn_arena *arena);

/* ---- arena_tree.c ---- */

/* Ends the children that were born after `time`. */
void cairn__arena_end_children(cairn_arena *arena, uint64_t time);

/* Calls the cleanups from the latest to the one before `until`. */
void cairn__arena_call_cleanups(cairn_arena *arena, struct cairn__arena_cleanup *until);

/* Where memory comes from if nothing else is said. {NULL, NULL}: from nowhere. */
cairn_allocator cairn__arena_default_source(void);

/* Refuses from now on what an arena that is being ended refuses; and the opposite. */
static inline void arena_set_ending(cairn_arena *arena, bool ending)
{
    char *cursor = arena_cursor(arena);
    arena->ending = ending;
    arena_set_cursor(arena, cursor);
}

#endif
