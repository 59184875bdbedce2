/* SPDX-License-Identifier: MIT */
/*
 * See cairn/locked.h. The lock is held across one call of the source's own ops and nothing else:
 * where the source has no alloc_zeroed or realloc, clearing and copying touch blocks that only the
 * caller has, and need no lock.
 */
#include "cairn/locked.h"

#include "base/bits.h"
#include "base/memory.h"
#include "cairn/system.h"
#include "os/lock.h"

CAIRN_EXPORT void cairn_locked_acquire(cairn_locked *locked)
{
    lock_acquire((struct lock *)&locked->lock);
}

CAIRN_EXPORT void cairn_locked_release(cairn_locked *locked)
{
    lock_release((struct lock *)&locked->lock);
}

static void *locked_alloc(void *self, cairn_layout layout)
{
    cairn_locked *locked = self;
    cairn_locked_acquire(locked);
    void *ptr = cairn_allocator_alloc(locked->source, layout);
    cairn_locked_release(locked);
    return ptr;
}

static void locked_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_locked *locked = self;
    cairn_locked_acquire(locked);
    cairn_allocator_dealloc(locked->source, ptr, layout);
    cairn_locked_release(locked);
}

static void *locked_alloc_zeroed(void *self, cairn_layout layout)
{
    cairn_locked *locked = self;
    void *ptr;
    if (locked->source.ops->alloc_zeroed != NULL) {
        cairn_locked_acquire(locked);
        ptr = cairn_allocator_alloc_zeroed(locked->source, layout);
        cairn_locked_release(locked);
    } else {
        ptr = locked_alloc(locked, layout);
        if (ptr != NULL)
            memset(ptr, 0, layout.size);
    }
    return ptr;
}

static void *locked_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_locked *locked = self;
    void *moved;
    if (locked->source.ops->realloc != NULL) {
        cairn_locked_acquire(locked);
        moved = cairn_allocator_realloc(locked->source, ptr, layout, new_size);
        cairn_locked_release(locked);
    } else {
        moved = locked_alloc(locked, cairn__layout(new_size, layout.align));
        if (moved != NULL) {
            memcpy(moved, ptr, size_min(layout.size, new_size));
            locked_dealloc(locked, ptr, layout);
        }
    }
    return moved;
}

static bool locked_owns(void *self, const void *ptr)
{
    cairn_locked *locked = self;
    cairn_locked_acquire(locked);
    bool owns = cairn_allocator_owns(locked->source, ptr);
    cairn_locked_release(locked);
    return owns;
}

static size_t locked_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    cairn_locked *locked = self;
    if (locked->source.ops->usable_size == NULL)
        return layout.size;
    cairn_locked_acquire(locked);
    size_t size = cairn_allocator_usable_size(locked->source, ptr, layout);
    cairn_locked_release(locked);
    return size;
}

#define OPS                                                                                        \
    .name = "locked", .alloc = locked_alloc, .dealloc = locked_dealloc,                            \
    .alloc_zeroed = locked_alloc_zeroed, .realloc = locked_realloc,                                \
    .usable_size = locked_usable_size

CAIRN_EXPORT cairn_allocator cairn_locked_allocator(cairn_locked *locked)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = locked_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(locked->source)], locked};
}

CAIRN_EXPORT void cairn_locked_init(cairn_locked *locked, cairn_allocator source)
{
    *locked = (cairn_locked){.source = source.ops != NULL ? source : cairn_system()};
}

CAIRN_EXPORT void cairn_locked_fini(cairn_locked *locked)
{
    *locked = (cairn_locked){{NULL, NULL}, 0};
}

/* source.ops != NULL, lock <= 2 */
CAIRN_EXPORT const char *cairn_locked_audit(const cairn_locked *locked)
{
    if (locked->source.ops == NULL)
        return "locked has no source";
    if (atomic_load_explicit(&((const struct lock *)&locked->lock)->word, memory_order_relaxed) > 2)
        return "the lock is in no state that a lock can be in";
    return NULL;
}
