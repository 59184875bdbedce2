/* SPDX-License-Identifier: MIT */
/*
 * The bump (bump.h): everything but the inline path. The region and the struct are the caller's;
 * nothing here locks, and no block is known one by one.
 *
 * The truth is the cursor: start <= cursor <= limit, where what is below it is in use. It stands in
 * `next` while the inline path may be taken, and in `cursor` while `end` is NULL: when tools watch,
 * or in the last bytes of the region, past the last multiple of 16, which the inline path's compare
 * cannot deal with:
 *     end == NULL, or end = round_down(limit, 16) and start <= next <= end.
 */
#include "cairn/bump.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/visible.h"

enum { STEP = 16 };

static char *cursor_of(const cairn_bump *bump)
{
    return bump->end != NULL ? bump->next : bump->cursor;
}

static void set_cursor(cairn_bump *bump, char *cursor)
{
    char *end = (char *)round_down((uintptr_t)bump->limit, STEP);
    bool is_inline = !bump->watched && cursor < end;
    bump->next = is_inline ? cursor : NULL;
    bump->end = is_inline ? end : NULL;
    bump->cursor = is_inline ? NULL : cursor;
}

/* The cursor goes back. */
static void go_back(cairn_bump *bump, char *cursor)
{
    char *from = cursor_of(bump);
    if (from > bump->peak)
        bump->peak = from;
    if (bump->watched)
        cairn__show_unused(cursor, (size_t)(from - cursor));
    set_cursor(bump, cursor);
}

CAIRN_EXPORT void cairn_bump_init(cairn_bump *bump, void *region, size_t size)
{
    uintptr_t start = (uintptr_t)region;
    if (region == NULL || size > (size_t)PTRDIFF_MAX || start + size < start)
        size = 0;
    *bump = (cairn_bump){.start = region, .peak = region, .watched = cairn__is_watched()};
    bump->limit = (char *)(start + size);
    if (bump->watched)
        cairn__show_unused(region, size);
    set_cursor(bump, bump->start);
}

CAIRN_EXPORT void cairn_bump_fini(cairn_bump *bump)
{
    if (bump->watched)
        cairn__show_usable(bump->start, (size_t)(bump->limit - bump->start));
    *bump = (cairn_bump){.next = NULL};
}

/* ---- blocks ---- */

CAIRN_EXPORT void *cairn_bump_alloc_slow(cairn_bump *bump, size_t size, size_t align)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(size, align))))
        return NULL;
    size = size_max(size, 1);
    char *cursor = cursor_of(bump);
    size_t room = (size_t)(bump->limit - cursor);
    size_t padding = -(uintptr_t)cursor & (align - 1);
    if (padding > room || size > room - padding)
        return NULL;
    char *block = cursor + padding;
    if (bump->watched)
        cairn__show_usable(block, size);
    set_cursor(bump, block + size);
    return block;
}

CAIRN_EXPORT void *cairn_bump_alloc_zeroed(cairn_bump *bump, size_t size, size_t align)
{
    void *block = cairn_bump_alloc(bump, size, align);
    return block != NULL ? memset(block, 0, size) : NULL;
}

static bool is_last(const cairn_bump *bump, const char *block, size_t size)
{
    return block >= bump->start && (uintptr_t)block + size == (uintptr_t)cursor_of(bump);
}

/* A last block's new end. False: beyond the region. */
static bool resize_last(cairn_bump *bump, char *block, size_t size, size_t new_size)
{
    if (new_size > (size_t)(bump->limit - block))
        return false;
    if (new_size < size) {
        go_back(bump, block + new_size);
        return true;
    }
    if (bump->watched)
        cairn__show_usable(block + size, new_size - size);
    set_cursor(bump, block + new_size);
    return true;
}

CAIRN_EXPORT void *cairn_bump_realloc(cairn_bump *bump, void *ptr, cairn_layout layout,
                                      size_t new_size)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(new_size, layout.align))))
        return NULL;
    if (ptr == NULL)
        return cairn_bump_alloc(bump, new_size, layout.align);
    size_t size = size_max(layout.size, 1);
    new_size = size_max(new_size, 1);
    if (is_last(bump, ptr, size) && resize_last(bump, ptr, size, new_size))
        return ptr;
    if (new_size <= size) {
        if (bump->watched)
            cairn__show_unused((char *)ptr + new_size, size - new_size);
        return ptr;
    }
    void *moved = cairn_bump_alloc(bump, new_size, layout.align);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, layout.size);
    if (bump->watched)
        cairn__show_unused(ptr, size);
    return moved;
}

CAIRN_EXPORT void cairn_bump_dealloc(cairn_bump *bump, void *ptr, cairn_layout layout)
{
    if (ptr == NULL)
        return;
    size_t size = size_max(layout.size, 1);
    if (is_last(bump, ptr, size))
        go_back(bump, ptr);
    else if (bump->watched)
        cairn__show_unused(ptr, size);
}

/* ---- many at once ---- */

CAIRN_EXPORT size_t cairn_bump_mark(const cairn_bump *bump)
{
    return cairn_bump_used(bump);
}

CAIRN_EXPORT bool cairn_bump_rewind(cairn_bump *bump, size_t mark)
{
    size_t used = cairn_bump_used(bump);
    if (mark < used)
        go_back(bump, bump->start + mark);
    return mark <= used;
}

CAIRN_EXPORT void cairn_bump_reset(cairn_bump *bump)
{
    go_back(bump, bump->start);
}

/* ---- questions ---- */

CAIRN_EXPORT size_t cairn_bump_used(const cairn_bump *bump)
{
    return (size_t)(cursor_of(bump) - bump->start);
}

CAIRN_EXPORT size_t cairn_bump_peak(const cairn_bump *bump)
{
    char *cursor = cursor_of(bump);
    return (size_t)((cursor > bump->peak ? cursor : bump->peak) - bump->start);
}

CAIRN_EXPORT size_t cairn_bump_room(const cairn_bump *bump)
{
    return (size_t)(bump->limit - cursor_of(bump));
}

CAIRN_EXPORT const char *cairn_bump_audit(const cairn_bump *bump)
{
    if (bump->start > bump->limit)
        return "bump: the region ends before it starts";
    if (bump->end == NULL && bump->next != NULL)
        return "bump: an inline path without an end";
    if (bump->end != NULL && (uintptr_t)bump->end != round_down((uintptr_t)bump->limit, STEP))
        return "bump: the inline path does not end at the region's last multiple of 16";
    if (bump->end != NULL && (bump->watched || bump->next > bump->end))
        return "bump: the inline path is open where it must not be";
    const char *cursor = cursor_of(bump);
    if (cursor < bump->start || cursor > bump->limit)
        return "bump: the cursor is outside the region";
    if (bump->peak < bump->start || bump->peak > bump->limit)
        return "bump: the peak is outside the region";
    return NULL;
}

CAIRN_EXPORT bool cairn_bump_visit(const cairn_bump *bump, cairn_visitor *visitor, void *context)
{
    size_t used = cairn_bump_used(bump);
    size_t room = cairn_bump_room(bump);
    return (used == 0 || visitor(context, bump->start, used, true)) &&
           (room == 0 || visitor(context, bump->start + used, room, false));
}

/* ---- as an allocator ---- */

static void *bump_alloc(void *self, cairn_layout layout)
{
    return cairn_bump_alloc(self, layout.size, layout.align);
}

static void bump_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_bump_dealloc(self, ptr, layout);
}

static void *bump_alloc_zeroed(void *self, cairn_layout layout)
{
    return cairn_bump_alloc_zeroed(self, layout.size, layout.align);
}

static void *bump_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    return cairn_bump_realloc(self, ptr, layout, new_size);
}

static bool bump_owns(void *self, const void *ptr)
{
    const cairn_bump *bump = self;
    return (uintptr_t)ptr - (uintptr_t)bump->start < cairn_bump_used(bump);
}

CAIRN_EXPORT cairn_allocator cairn_bump_allocator(cairn_bump *bump)
{
    static const cairn_allocator_ops ops = {
        .name = "bump",
        .alloc = bump_alloc,
        .dealloc = bump_dealloc,
        .alloc_zeroed = bump_alloc_zeroed,
        .realloc = bump_realloc,
        .owns = bump_owns,
    };
    return (cairn_allocator){&ops, bump};
}
