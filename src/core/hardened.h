/* SPDX-License-Identifier: MIT */
/*
 * What the hardened build lets others ask of any address: how far one may read or write from there.
 * Memory that is no block of ours is none of its business. Any thread; no lock.
 */
#ifndef CAIRN_CORE_HARDENED_H
#define CAIRN_CORE_HARDENED_H

#include "core/huge.h"
#include "os/tags.h"

/* Bytes from ptr to the end of its block, as asked for; SIZE_MAX: it is in no page of ours. Aborts,
 * with `what`, if it is where no block is in use. */
HIDDEN size_t cairn__room_in_page(const char *what, const void *ptr);
/* The same outside the window, once there was a huge block. */
HIDDEN size_t cairn__room_in_huge(const char *what, const void *ptr);

_Noreturn COLD void cairn__beyond(const char *what, const char *how, const void *ptr, size_t count,
                                  size_t room);

/* Looks at the blocks of the calling thread, in use or free, as far as SWEEP_AT_EXIT: at the exit. */
HIDDEN void cairn__hardened_sweep(void);

static inline size_t cairn__room_at(const char *what, const void *ptr)
{
    if (UNLIKELY(window_offset(tag_strip(ptr)) < window_size()))
        return cairn__room_in_page(what, ptr);
    /* Blocks of further regions pass, too: they are few, and under limits only. */
    return LIKELY(!atomic_load_explicit(&cairn__has_huge, memory_order_relaxed))
               ? SIZE_MAX
               : cairn__room_in_huge(what, ptr);
}

static inline void cairn__check_range(const char *what, const char *how, const void *ptr,
                                      size_t count)
{
    if (count == 0)
        return;
    size_t room = cairn__room_at(what, ptr);
    if (UNLIKELY(count > room))
        cairn__beyond(what, how, ptr, count, room);
}

static inline void cairn__check_write(const char *what, const void *to, size_t count)
{
    cairn__check_range(what, " writes ", to, count);
}

static inline void cairn__check_read(const char *what, const void *from, size_t count)
{
    cairn__check_range(what, " reads ", from, count);
}

static inline void cairn__check_copy(const char *what, const void *to, const void *from,
                                     size_t count)
{
    cairn__check_write(what, to, count);
    cairn__check_read(what, from, count);
}

#endif
