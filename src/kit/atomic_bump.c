/* SPDX-License-Identifier: MIT */
/*
 * The atomic bump (atomic_bump.h): everything but the inline path. The region and the struct are the
 * caller's; nothing here locks.
 *
 * Who owns what: a block belongs to the thread whose read-modify-write of `used` moved it from the
 * block's start to its end. All of them act on one word, so they stand in one order, and no two
 * blocks overlap.
 *
 * Why `used` cannot overflow. A fetch-and-add that passes the end carries `used` beyond `size`; its
 * thread then closes the inline path, for itself at once and for others as they see it. So it adds
 * too much only once until the reset:
 *     used <= size + 4096 * threads,   size <= PTRDIFF_MAX.
 * With 32 bits that leaves room for half a million threads. Larger requests, and all after the
 * closing, go by compare-and-swap, which moves `used` only if the block fits.
 *
 * Why the rest may be given back. While used > size nothing is handed out, and of the additions that
 * failed exactly one began at or below `size`, the one that passed it: none can begin there until
 * `used` is back, and only that one leads back, by a compare-and-swap from where it ended to where
 * it began. Whatever happened in between, it finds nothing handed out beyond its beginning. If it
 * fails, since others have added behind it, the rest is lost.
 *
 * Order: a block given back may be cut again by another thread. What its last owner did to it comes
 * before what the next one does: giving back is a release, cutting an acquire, and the
 * read-modify-writes in between continue the release sequence.
 */
#include "cairn/atomic_bump.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/visible.h"

enum { STEP = 8 };

static size_t load_used(const cairn_atomic_bump *bump)
{
    return __atomic_load_n(&bump->used, __ATOMIC_RELAXED);
}

CAIRN_EXPORT void cairn_atomic_bump_init(cairn_atomic_bump *bump, void *region, size_t size)
{
    uintptr_t begin = (uintptr_t)region;
    if (region == NULL || size > (size_t)PTRDIFF_MAX || begin + size < begin)
        size = 0;
    uintptr_t start = round_up(begin, STEP);
    uintptr_t end = round_down(begin + size, STEP);
    size = end > start && start >= begin ? end - start : 0;
    *bump = (cairn_atomic_bump){.start = (char *)start, .size = size};
    bump->watched = cairn__is_watched();
    cairn_atomic_bump_reset(bump);
}

CAIRN_EXPORT void cairn_atomic_bump_fini(cairn_atomic_bump *bump)
{
    if (bump->watched)
        cairn__show_usable(bump->start, bump->size);
    *bump = (cairn_atomic_bump){.start = NULL};
}

/* ---- blocks ---- */

/* Moves `used` from one value to another, if it still is the one. */
static bool move_used(cairn_atomic_bump *bump, size_t from, size_t to)
{
    return __atomic_compare_exchange_n(&bump->used, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* After an addition that passed the end. */
CAIRN_EXPORT void *cairn_atomic_bump_refuse(cairn_atomic_bump *bump, size_t at, size_t need)
{
    __atomic_store_n(&bump->inline_size, 0, __ATOMIC_RELAXED);
    move_used(bump, at + need, at);
    return NULL;
}

CAIRN_EXPORT void *cairn_atomic_bump_alloc_slow(cairn_atomic_bump *bump, size_t size, size_t align)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(size, align))))
        return NULL;
    size_t need = round_up(size_max(size, 1), STEP);
    size_t used = load_used(bump);
    size_t at;
    do {
        if (used > bump->size)
            return NULL;
        size_t room = bump->size - used;
        size_t padding = -((uintptr_t)bump->start + used) & (align - 1);
        if (padding > room || need > room - padding)
            return NULL;
        at = used + padding;
    } while (!__atomic_compare_exchange_n(&bump->used, &used, at + need, true, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    char *block = bump->start + at;
    if (bump->watched)
        cairn__show_usable(block, size_max(size, 1));
    return block;
}

CAIRN_EXPORT void *cairn_atomic_bump_alloc_zeroed(cairn_atomic_bump *bump, size_t size,
                                                  size_t align)
{
    void *block = cairn_atomic_bump_alloc(bump, size, align);
    return block != NULL ? memset(block, 0, size) : NULL;
}

/* Gives a last block a new end. False: it is not the last one, or that is beyond the region. */
static bool resize_last(cairn_atomic_bump *bump, const char *block, size_t size, size_t new_size)
{
    size_t at = (size_t)((uintptr_t)block - (uintptr_t)bump->start);
    if (at >= bump->size || new_size > bump->size - at)
        return false;
    return move_used(bump, at + round_up(size, STEP), at + round_up(new_size, STEP));
}

CAIRN_EXPORT void *cairn_atomic_bump_realloc(cairn_atomic_bump *bump, void *ptr,
                                             cairn_layout layout, size_t new_size)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(new_size, layout.align))))
        return NULL;
    if (ptr == NULL)
        return cairn_atomic_bump_alloc(bump, new_size, layout.align);
    size_t size = size_max(layout.size, 1);
    new_size = size_max(new_size, 1);
    /* Hidden before it is given back: from then on it may be another thread's. */
    if (bump->watched && new_size < size)
        cairn__show_unused((char *)ptr + new_size, size - new_size);
    if (resize_last(bump, ptr, size, new_size)) {
        if (bump->watched && new_size > size)
            cairn__show_usable((char *)ptr + size, new_size - size);
        return ptr;
    }
    if (new_size <= size)
        return ptr;
    void *moved = cairn_atomic_bump_alloc(bump, new_size, layout.align);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, layout.size);
    if (bump->watched)
        cairn__show_unused(ptr, size);
    return moved;
}

CAIRN_EXPORT void cairn_atomic_bump_dealloc(cairn_atomic_bump *bump, void *ptr, cairn_layout layout)
{
    if (ptr == NULL)
        return;
    size_t size = size_max(layout.size, 1);
    size_t at = (size_t)((uintptr_t)ptr - (uintptr_t)bump->start);
    if (bump->watched)
        cairn__show_unused(ptr, size);
    if (at < bump->size)
        move_used(bump, at + round_up(size, STEP), at);
}

CAIRN_EXPORT void cairn_atomic_bump_reset(cairn_atomic_bump *bump)
{
    if (bump->watched)
        cairn__show_unused(bump->start, bump->size);
    __atomic_store_n(&bump->used, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&bump->inline_size, bump->watched ? 0 : bump->size, __ATOMIC_RELAXED);
}

/* ---- questions ---- */

CAIRN_EXPORT size_t cairn_atomic_bump_used(const cairn_atomic_bump *bump)
{
    return size_min(load_used(bump), bump->size);
}

CAIRN_EXPORT size_t cairn_atomic_bump_room(const cairn_atomic_bump *bump)
{
    return bump->size - cairn_atomic_bump_used(bump);
}

CAIRN_EXPORT const char *cairn_atomic_bump_audit(const cairn_atomic_bump *bump)
{
    if (!is_aligned((uintptr_t)bump->start, STEP) || !is_aligned(bump->size, STEP))
        return "atomic_bump: the region is not aligned";
    if (bump->size > (size_t)PTRDIFF_MAX)
        return "atomic_bump: the region is too large";
    size_t limit = __atomic_load_n(&bump->inline_size, __ATOMIC_RELAXED);
    if (limit != 0 && (bump->watched || limit != bump->size))
        return "atomic_bump: the inline path has another region";
    if (!is_aligned(load_used(bump), STEP))
        return "atomic_bump: the cursor is not aligned";
    return NULL;
}

CAIRN_EXPORT bool cairn_atomic_bump_visit(const cairn_atomic_bump *bump, cairn_visitor *visitor,
                                          void *context)
{
    size_t used = cairn_atomic_bump_used(bump);
    size_t room = bump->size - used;
    return (used == 0 || visitor(context, bump->start, used, true)) &&
           (room == 0 || visitor(context, bump->start + used, room, false));
}

/* ---- as an allocator ---- */

static void *bump_alloc(void *self, cairn_layout layout)
{
    return cairn_atomic_bump_alloc(self, layout.size, layout.align);
}

static void bump_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_atomic_bump_dealloc(self, ptr, layout);
}

static void *bump_alloc_zeroed(void *self, cairn_layout layout)
{
    return cairn_atomic_bump_alloc_zeroed(self, layout.size, layout.align);
}

static void *bump_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    return cairn_atomic_bump_realloc(self, ptr, layout, new_size);
}

static bool bump_owns(void *self, const void *ptr)
{
    const cairn_atomic_bump *bump = self;
    return (uintptr_t)ptr - (uintptr_t)bump->start < cairn_atomic_bump_used(bump);
}

CAIRN_EXPORT cairn_allocator cairn_atomic_bump_allocator(cairn_atomic_bump *bump)
{
    static const cairn_allocator_ops ops = {
        .name = "atomic_bump",
        .alloc = bump_alloc,
        .dealloc = bump_dealloc,
        .alloc_zeroed = bump_alloc_zeroed,
        .realloc = bump_realloc,
        .owns = bump_owns,
    };
    return (cairn_allocator){&ops, bump};
}
