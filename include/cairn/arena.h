/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time, for an arena together with its parents and children. The arena: a bump over
 * chunks from a source, for blocks that end together, such as those of a request (D. R. Hanson, Fast
 * allocation and deallocation of memory based on object lifetimes, Software: Practice and Experience
 * 20(1), 1990). It goes back to a mark, or to its start, and keeps the chunks for the next round:
 *
 *     cairn_mark mark = cairn_arena_mark(arena);
 *     handle(arena, request);
 *     cairn_arena_rewind(arena, mark);
 *
 * A block costs an addition, a mask and a compare, inline, and its padding; a chunk 80 bytes, a live
 * mark 48. Needs no C library and no operating system (CAIRN_FREESTANDING). AddressSanitizer and
 * memcheck see each block: under them blocks lie apart, and less fits into a limit. For children and
 * cleanups see arena_tree.h; text, arrays, frames: arena_string.h, arena_vector.h, frame_arena.h.
 */
#ifndef CAIRN_ARENA_H
#define CAIRN_ARENA_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_arena cairn_arena;

typedef struct cairn_arena_opts {
    /* Chunks, and what cairn_arena_create returns, come from here. {NULL, NULL}: the parent's, or
     * else cairn_system(), which freestanding programs do not have. Must outlive the arena. */
    cairn_allocator source;
    const char *name;    /* of figures; must outlive the arena. NULL: "arena" */
    cairn_arena *parent; /* arena_tree.h; NULL: none */
    size_t limit;        /* bytes held in chunks, at most; beyond it requests give NULL. 0: none */

    /* Chunks double from first_chunk (0: 4096 bytes) to max_chunk (0: 256 times the first), or all
     * have the first one's size if max_chunk is not above it. Larger blocks have their own. */
    size_t first_chunk;
    size_t max_chunk;

    /* A reset or rewind keeps so many bytes of chunks at most, in those that are empty, and gives
     * the others back. 0: it keeps all; 1: none. */
    size_t keep;
} cairn_arena_opts;

/* The place of a mark. Its fields and those of cairn_arena are private. */
struct cairn__arena_note {
    struct cairn__arena_note *older;
    char *cursor; /* NULL: the arena is at its start */
    struct cairn__arena_cleanup *cleanups;
    struct cairn__arena_block *blocks;
    uint64_t first, last; /* marks of this place have these serial numbers */
};

struct cairn_arena {
    char *next; /* the inline path: the next block begins here or, aligned, after it */
    char *end;  /* of the chunk, a multiple of 16. NULL: no inline path; cursor stands for next */
    char *cursor;
    struct cairn__arena_chunk *chunk, *large, *kept, *kept_large;
    struct cairn__arena_note *mark, start;
    struct cairn__arena_cleanup *cleanups;
    struct cairn__arena_block *blocks;
    uint64_t clock, birth;
    cairn_allocator source;
    const char *name;
    size_t limit, first_chunk, max_chunk, keep, next_chunk;
    size_t used_before, wasted, peak, reserved, kept_bytes, chunks, resets, rewinds;
    cairn_arena *parent, *child, *older, *younger;
    bool created, watched, ending;
};

/* An arena without chunks. NULL: out of memory, no source, or the parent is being ended. O(1). */
cairn_arena *cairn_arena_create(const cairn_arena_opts *opts);

/* Ends its children, runs its cleanups, gives all memory back. NULL, an arena made by init (use
 * fini) or one that is just being ended: nothing. O(chunks). */
void cairn_arena_destroy(cairn_arena *arena);

/* The same in the caller's storage, not to be moved. False as for create: it serves nothing. */
bool cairn_arena_init(cairn_arena *arena, const cairn_arena_opts *opts);

void cairn_arena_fini(cairn_arena *arena); /* on one that has ended, or is all zeroes: nothing */

/* ---- blocks ---- */

void *cairn_arena_alloc_slow(cairn_arena *arena, size_t size, size_t align);

/*
 * A block of `size` bytes, its contents unspecified, at a multiple of `align`. Size 0 is served as
 * 1. NULL: out of memory, beyond the limit, {size, align} is not a valid layout, or the arena is
 * being ended. O(1); where the chunk is full, O(chunks kept), and the source is called.
 */
static inline void *cairn_arena_alloc(cairn_arena *arena, size_t size, size_t align)
{
    uintptr_t next = (uintptr_t)arena->next;
    uintptr_t end = (uintptr_t)arena->end;
    uintptr_t at = (next + (align - 1)) & ~(uintptr_t)(align - 1);
    /* Up to 16 the padding cannot pass `end`. Size 0 fails the last compare, as does no room. */
    if (__builtin_expect((align & (align - 1)) == 0 &&
                             (align - 1 < 16 || at - next <= end - next) && size - 1 < end - at,
                         1)) {
        arena->next = (char *)(at + size);
        return (char *)at;
    }
    return cairn_arena_alloc_slow(arena, size, align);
}

/* The same, its bytes 0. O(size). */
void *cairn_arena_alloc_zeroed(cairn_arena *arena, size_t size, size_t align);

/*
 * The block of `layout` with new_size bytes. In place if it does not grow, or is the last one and
 * the chunk has room; a large one by the source's realloc; else in a new block. It counts as
 * allocated now: a rewind to an earlier mark ends it. ptr NULL: cairn_arena_alloc. NULL: as there,
 * for {new_size, layout.align}; the block is as it was.
 */
void *cairn_arena_realloc(cairn_arena *arena, void *ptr, cairn_layout layout, size_t new_size);

/* The same in place or not at all; false: the block is as it was. O(1). */
bool cairn_arena_resize(cairn_arena *arena, void *ptr, cairn_layout layout, size_t new_size);

/* Gives back a block that is the last one; else, and for NULL, does nothing. O(1). */
void cairn_arena_dealloc(cairn_arena *arena, void *ptr, cairn_layout layout);

/* Makes room for `size` bytes in a row: what fits there needs no chunk. False: as NULL of alloc. */
bool cairn_arena_reserve(cairn_arena *arena, size_t size);

/* ---- marks ---- */

typedef struct cairn_mark {
    const cairn_arena *arena;
    uint64_t serial;
} cairn_mark;

/* Cannot fail; needs no end. While the arena is being ended: a mark that no rewind takes. O(1). */
cairn_mark cairn_arena_mark(cairn_arena *arena);

/*
 * Ends everything since the mark, children and cleanups too; the mark itself stays. False, and
 * nothing done: the mark is gone (by a rewind to an older one, a reset), is of another arena, or
 * the arena is being ended. O(marks, chunks, cleanups, children since the mark).
 */
bool cairn_arena_rewind(cairn_arena *arena, cairn_mark mark);

/* Ends everything but the children, which are reset. While the arena is being ended: nothing. */
void cairn_arena_reset(cairn_arena *arena);

/* Gives chunks without blocks back to the source until those left have at most `keep` bytes; how
 * many it gave. O(chunks kept). */
size_t cairn_arena_trim(cairn_arena *arena, size_t keep);

/* ---- questions ---- */

typedef struct cairn_arena_stats { /* bytes, unless said otherwise; of the arena without children */
    const char *name;
    size_t used, peak; /* from chunks' starts to their last blocks, now and at most; with padding */
    size_t reserved;   /* in chunks, from the source: used + wasted + room + kept, and headers */
    size_t kept;       /* of that, in chunks without blocks */
    size_t wasted;     /* of that, behind the last blocks of chunks that were left */
    size_t room;       /* of that, behind the last block of the chunk that is served from */
    size_t chunks, resets, rewinds; /* counts */
} cairn_arena_stats;

cairn_arena_stats cairn_arena_stats_get(const cairn_arena *arena); /* O(1) */

/* NULL: it and all below it are sound; else what is wrong. O(all they hold but blocks). */
const char *cairn_arena_audit(const cairn_arena *arena);

/* A range in use for each chunk, which its blocks lie in, and the gap behind it; a gap for each
 * chunk that is kept. Not of children. True: all were visited. */
bool cairn_arena_visit(const cairn_arena *arena, cairn_visitor *visitor, void *context);

/* As an allocator; it can tell what it owns, in O(chunks): what lies in a range in use. */
cairn_allocator cairn_arena_allocator(cairn_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
