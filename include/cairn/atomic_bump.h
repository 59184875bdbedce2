/* SPDX-License-Identifier: MIT */
/*
 * Any thread, without a lock; init, fini and reset by one thread while no other uses it. A bump
 * (cairn/bump.h) that many threads cut blocks from: one region, one shared cursor, what begins
 * together and ends together: the entries of a log, the nodes of a graph that is built in parallel.
 *
 * A block of up to 4096 bytes, aligned to up to 8, is one fetch-and-add and so wait-free: no thread
 * ever repeats a step because of another. (The fetch-and-add as the way to hand out places: A.
 * Gottlieb, B. D. Lubachevsky, L. Rudolph, Basic techniques for the efficient coordination of very
 * large numbers of cooperating sequential processors, ACM TOPLAS 5(2), 1983.) Other blocks, and all
 * once a request has met the end, take a compare-and-swap, repeated only if another thread was
 * served in between. The cursor cannot overflow, however often a request fails: the source says why.
 *
 * Memory: sizes are rounded up to 8; up to 7 bytes at each end of the region stay unused. Under
 * AddressSanitizer or memcheck, what is in no block is out of bounds.
 */
#ifndef CAIRN_ATOMIC_BUMP_H
#define CAIRN_ATOMIC_BUMP_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN__ATOMIC_BUMP_SMALL 4096

/* In the caller's storage; all fields are private. `used` has cache lines of its own. */
typedef struct cairn_atomic_bump {
    char *start;        /* a multiple of 8 */
    size_t size;        /* of the region, a multiple of 8 */
    size_t inline_size; /* atomic: the same; 0: there is no inline path */
    bool watched;
    char fill[128 - 4 * sizeof(size_t)];
    size_t used; /* atomic: bytes from the start, a multiple of 8 */
    char fill_too[128 - sizeof(size_t)];
} cairn_atomic_bump;

/*
 * A bump over region[0] to region[size - 1], which is its alone until cairn_atomic_bump_fini. A
 * region that is NULL, wraps or is larger than PTRDIFF_MAX counts as one of 0 bytes. O(1).
 */
void cairn_atomic_bump_init(cairn_atomic_bump *bump, void *region, size_t size);

/* Ends all blocks; the region is the caller's again. From now on, and on a bump that is all zeroes,
 * every request is answered as if the region had 0 bytes. */
void cairn_atomic_bump_fini(cairn_atomic_bump *bump);

void *cairn_atomic_bump_alloc_slow(cairn_atomic_bump *bump, size_t size, size_t align);
void *cairn_atomic_bump_refuse(cairn_atomic_bump *bump, size_t at, size_t need);

/*
 * A block of `size` bytes, its contents unspecified, at a multiple of `align`. Size 0 is served as
 * 1. NULL: it does not fit, or {size, align} is not a valid layout. A request that does not fit
 * leaves the rest to smaller ones; only when several threads meet the end at the same moment may
 * the rest, less than 4096 bytes, be lost until the reset. O(1).
 */
static inline void *cairn_atomic_bump_alloc(cairn_atomic_bump *bump, size_t size, size_t align)
{
    size_t limit = __atomic_load_n(&bump->inline_size, __ATOMIC_RELAXED);
    if (__builtin_expect((align & (align - 1)) == 0 && align - 1 < 8 &&
                             size - 1 < CAIRN__ATOMIC_BUMP_SMALL && limit != 0,
                         1)) {
        size_t need = (size + 7) & ~(size_t)7;
        size_t at = __atomic_fetch_add(&bump->used, need, __ATOMIC_ACQUIRE);
        if (__builtin_expect(at + need <= limit, 1))
            return bump->start + at;
        return cairn_atomic_bump_refuse(bump, at, need);
    }
    return cairn_atomic_bump_alloc_slow(bump, size, align);
}

/* The same, its bytes 0. O(size). */
void *cairn_atomic_bump_alloc_zeroed(cairn_atomic_bump *bump, size_t size, size_t align);

/*
 * The block of `layout` with new_size bytes. In place if it is the last one or does not grow, else
 * in a new block, and the old one's bytes are lost until the reset. ptr NULL:
 * cairn_atomic_bump_alloc. NULL: no room, or {new_size, layout.align} is not a valid layout; the
 * block is as it was.
 */
void *cairn_atomic_bump_realloc(cairn_atomic_bump *bump, void *ptr, cairn_layout layout,
                                size_t new_size);

/* Gives back the block if it is the last one; else, and for NULL, does nothing. One
 * compare-and-swap. */
void cairn_atomic_bump_dealloc(cairn_atomic_bump *bump, void *ptr, cairn_layout layout);

/* Ends all blocks. Only while no other thread uses the bump. O(1). */
void cairn_atomic_bump_reset(cairn_atomic_bump *bump);

/* ---- questions: any thread; what they say may be past when they return ---- */

/* Bytes up to the end of the last block, and what is left behind it. */
size_t cairn_atomic_bump_used(const cairn_atomic_bump *bump);
size_t cairn_atomic_bump_room(const cairn_atomic_bump *bump);

/* NULL: sound; else what is wrong. O(1). */
const char *cairn_atomic_bump_audit(const cairn_atomic_bump *bump);

/* One range in use, which all blocks lie in, and the gap behind it, unless they are empty. True:
 * both were visited. */
bool cairn_atomic_bump_visit(const cairn_atomic_bump *bump, cairn_visitor *visitor, void *context);

/* As an allocator; it can tell what it owns: what lies in the range in use. */
cairn_allocator cairn_atomic_bump_allocator(cairn_atomic_bump *bump);

#ifdef __cplusplus
}
#endif

#endif
