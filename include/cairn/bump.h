/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. The bump: blocks cut one after the other from a region that the caller
 * gives; nothing is stored beside them. A block is ended by going back to before it: the last one
 * alone, all since a mark, or all. The oldest of allocators (obstacks in the GNU C library are one
 * kind of it); what to expect of it is in D. R. Hanson, Fast allocation and deallocation of memory
 * based on object lifetimes, Software: Practice and Experience 20(1), 1990.
 *
 * Cost: an addition, a mask and a compare inline; alignment's padding, and no other memory. Needs
 * no C library and no operating system (CAIRN_FREESTANDING). Under AddressSanitizer or memcheck
 * everything past the last block is out of bounds; blocks lie as close as they do without.
 */
#ifndef CAIRN_BUMP_H
#define CAIRN_BUMP_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the caller's storage; all fields are private. Not to be copied while it is used. */
typedef struct cairn_bump {
    char *next; /* the inline path: the next block begins here or, aligned, after it */
    char *end;  /* a multiple of 16. NULL: there is no inline path, and cursor stands for next */
    char *cursor;
    char *start; /* the region */
    char *limit;
    char *peak; /* the furthest that the cursor had been when it last went back */
    bool watched;
} cairn_bump;

/*
 * A bump over region[0] to region[size - 1], which is its alone until cairn_bump_fini. A region that
 * is NULL, wraps or is larger than PTRDIFF_MAX counts as one of 0 bytes. O(1).
 */
void cairn_bump_init(cairn_bump *bump, void *region, size_t size);

/* Ends all blocks; the region is the caller's again. From now on, and on a bump that is all zeroes,
 * every request is answered as if the region had 0 bytes. */
void cairn_bump_fini(cairn_bump *bump);

/* ---- blocks ---- */

void *cairn_bump_alloc_slow(cairn_bump *bump, size_t size, size_t align);

/*
 * A block of `size` bytes, its contents unspecified, at a multiple of `align`. Size 0 is served as
 * 1. NULL: it does not fit, {size, align} is not a valid layout. O(1).
 */
static inline void *cairn_bump_alloc(cairn_bump *bump, size_t size, size_t align)
{
    uintptr_t next = (uintptr_t)bump->next;
    uintptr_t end = (uintptr_t)bump->end;
    uintptr_t at = (next + (align - 1)) & ~(uintptr_t)(align - 1);
    /* Up to 16 the padding cannot pass `end`. Size 0 fails the last compare, as does no room. */
    if (__builtin_expect((align & (align - 1)) == 0 &&
                             (align - 1 < 16 || at - next <= end - next) && size - 1 < end - at,
                         1)) {
        bump->next = (char *)(at + size);
        return (char *)at;
    }
    return cairn_bump_alloc_slow(bump, size, align);
}

/* The same, its bytes 0. O(size). */
void *cairn_bump_alloc_zeroed(cairn_bump *bump, size_t size, size_t align);

/*
 * The block of `layout` with new_size bytes. In place if it is the last one or does not grow, else
 * in a new block, and the old one's bytes are lost until a rewind. ptr NULL: cairn_bump_alloc.
 * NULL: no room, or {new_size, layout.align} is not a valid layout; the block is as it was.
 */
void *cairn_bump_realloc(cairn_bump *bump, void *ptr, cairn_layout layout, size_t new_size);

/* Gives back the block if it is the last one; else, and for NULL, does nothing. O(1). */
void cairn_bump_dealloc(cairn_bump *bump, void *ptr, cairn_layout layout);

/* ---- many at once ---- */

/* Where the bump is now, for cairn_bump_rewind: the bytes used so far. */
size_t cairn_bump_mark(const cairn_bump *bump);

/*
 * Ends all blocks allocated since the mark. False, and nothing done, if less is used now than then:
 * the mark is gone. (It is gone for good, yet if as much is used again this cannot be told, and the
 * bump goes back to there; the marks of cairn/arena.h can.) O(1).
 */
bool cairn_bump_rewind(cairn_bump *bump, size_t mark);

/* Ends all blocks. O(1). */
void cairn_bump_reset(cairn_bump *bump);

/* ---- questions ---- */

/* Bytes from the region's start to the end of the last block; the most that it has been; and what
 * is left behind it. used + room = size of the region. */
size_t cairn_bump_used(const cairn_bump *bump);
size_t cairn_bump_peak(const cairn_bump *bump);
size_t cairn_bump_room(const cairn_bump *bump);

/* NULL: sound; else what is wrong. O(1). */
const char *cairn_bump_audit(const cairn_bump *bump);

/* One range in use, which all blocks lie in, and the gap behind it, unless they are empty. True:
 * both were visited. */
bool cairn_bump_visit(const cairn_bump *bump, cairn_visitor *visitor, void *context);

/* As an allocator; it can tell what it owns: what lies in the range in use. */
cairn_allocator cairn_bump_allocator(cairn_bump *bump);

#ifdef __cplusplus
}
#endif

#endif
