/* SPDX-License-Identifier: MIT */
/*
 * What a block must be: its size and its alignment, in bytes. Pure functions, any thread, O(1), no
 * libc. The C form of Rust's core::alloc::Layout.
 *
 * A layout is valid if align is a power of two and size, rounded up to align, is at most
 * PTRDIFF_MAX. Arithmetic that overflows, or a bad alignment, gives CAIRN_LAYOUT_NONE, which is not
 * valid; so does arithmetic on a layout that is not valid. A chain of calls therefore needs one
 * check, or none: every allocator answers a layout that is not valid with NULL. A size of 0 is
 * valid.
 */
#ifndef CAIRN_LAYOUT_H
#define CAIRN_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CAIRN__ALIGN_OF(T) alignof(T)
#else
#define CAIRN__ALIGN_OF(T) _Alignof(T)
#endif

typedef struct cairn_layout {
    size_t size;
    size_t align;
} cairn_layout;

/* The layout of one T, and of an array of n of them. T: a type whose size is a multiple of its
 * alignment, as those of C are. */
#define cairn_layout_of(T)       cairn__layout(sizeof(T), CAIRN__ALIGN_OF(T))
#define cairn_layout_array(T, n) cairn_layout_repeat(cairn_layout_of(T), (n), NULL)

/* What no block can have. */
#define CAIRN_LAYOUT_NONE cairn__layout(SIZE_MAX, 0)

/* As it stands, unchecked. */
static inline cairn_layout cairn__layout(size_t size, size_t align)
{
    cairn_layout layout;
    layout.size = size;
    layout.align = align;
    return layout;
}

/* Whether a block can have it: see above. */
static inline bool cairn_layout_is_valid(cairn_layout layout)
{
    return layout.align != 0 && (layout.align & (layout.align - 1)) == 0 &&
           layout.size <= (size_t)PTRDIFF_MAX - (layout.align - 1);
}

/* Whether both size and alignment are the same; any two may be compared. */
static inline bool cairn_layout_is_equal(cairn_layout a, cairn_layout b)
{
    return a.size == b.size && a.align == b.align;
}

/* {size, align} if that is valid, else CAIRN_LAYOUT_NONE. */
static inline cairn_layout cairn_layout_from_size_align(size_t size, size_t align)
{
    cairn_layout layout = cairn__layout(size, align);
    return cairn_layout_is_valid(layout) ? layout : CAIRN_LAYOUT_NONE;
}

/* Its size rounded up to its alignment: what one element of an array takes. */
static inline cairn_layout cairn_layout_pad_to_align(cairn_layout layout)
{
    if (!cairn_layout_is_valid(layout))
        return CAIRN_LAYOUT_NONE;
    return cairn__layout((layout.size + layout.align - 1) & ~(layout.align - 1), layout.align);
}

/*
 * A record: `first`, then `next` at the next offset that its alignment allows, which goes to
 * *offset unless that is NULL. Not padded at the end. If the result is not valid, *offset is 0.
 */
static inline cairn_layout cairn_layout_extend(cairn_layout first, cairn_layout next,
                                               size_t *offset)
{
    if (offset != NULL)
        *offset = 0;
    if (!cairn_layout_is_valid(first) || !cairn_layout_is_valid(next))
        return CAIRN_LAYOUT_NONE;
    /* Neither sum wraps: each addend is at most PTRDIFF_MAX. */
    size_t at = (first.size + next.align - 1) & ~(next.align - 1);
    size_t align = first.align > next.align ? first.align : next.align;
    if (at > (size_t)PTRDIFF_MAX || next.size > (size_t)PTRDIFF_MAX - at)
        return CAIRN_LAYOUT_NONE;
    cairn_layout record = cairn_layout_from_size_align(at + next.size, align);
    if (offset != NULL && record.align != 0)
        *offset = at;
    return record;
}

/*
 * n times `element`, each at its alignment; the distance between them goes to *stride unless that
 * is NULL. If the result is not valid, *stride is 0.
 */
static inline cairn_layout cairn_layout_repeat(cairn_layout element, size_t n, size_t *stride)
{
    cairn_layout padded = cairn_layout_pad_to_align(element);
    if (stride != NULL)
        *stride = 0;
    if (padded.align == 0 || (n != 0 && padded.size > (size_t)PTRDIFF_MAX / n))
        return CAIRN_LAYOUT_NONE;
    cairn_layout array = cairn_layout_from_size_align(padded.size * n, padded.align);
    if (stride != NULL && array.align != 0)
        *stride = padded.size;
    return array;
}

#ifdef __cplusplus
}
#endif

#endif
