/* SPDX-License-Identifier: MIT */
/*
 * See cairn/fallback.h. It has no state that changes. first.owns(block) is the same from a block's
 * beginning to its end, whatever other threads do: so who asks may act on the answer.
 */
#include "cairn/fallback.h"

#include "base/bits.h"
#include "base/memory.h"
#include "cairn/system.h"

static cairn_allocator owner_of(const cairn_fallback *fallback, const void *ptr)
{
    return cairn_allocator_owns(fallback->first, ptr) ? fallback->first : fallback->second;
}

static void *fallback_alloc(void *self, cairn_layout layout)
{
    cairn_fallback *fallback = self;
    void *ptr = cairn_allocator_alloc(fallback->first, layout);
    return LIKELY(ptr != NULL) ? ptr : cairn_allocator_alloc(fallback->second, layout);
}

static void *fallback_alloc_zeroed(void *self, cairn_layout layout)
{
    cairn_fallback *fallback = self;
    void *ptr = cairn_allocator_alloc_zeroed(fallback->first, layout);
    return LIKELY(ptr != NULL) ? ptr : cairn_allocator_alloc_zeroed(fallback->second, layout);
}

static void fallback_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_allocator_dealloc(owner_of(self, ptr), ptr, layout);
}

static void *fallback_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_fallback *fallback = self;
    if (!cairn_allocator_owns(fallback->first, ptr))
        return cairn_allocator_realloc(fallback->second, ptr, layout, new_size);
    void *moved = cairn_allocator_realloc(fallback->first, ptr, layout, new_size);
    if (LIKELY(moved != NULL))
        return moved;
    moved = cairn_allocator_alloc(fallback->second, cairn__layout(new_size, layout.align));
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, size_min(layout.size, new_size));
    cairn_allocator_dealloc(fallback->first, ptr, layout);
    return moved;
}

static bool fallback_owns(void *self, const void *ptr)
{
    cairn_fallback *fallback = self;
    return cairn_allocator_owns(fallback->first, ptr) ||
           cairn_allocator_owns(fallback->second, ptr);
}

static size_t fallback_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    return cairn_allocator_usable_size(owner_of(self, ptr), ptr, layout);
}

#define OPS                                                                                        \
    .name = "fallback", .alloc = fallback_alloc, .dealloc = fallback_dealloc,                      \
    .alloc_zeroed = fallback_alloc_zeroed, .realloc = fallback_realloc,                            \
    .usable_size = fallback_usable_size

CAIRN_EXPORT cairn_allocator cairn_fallback_allocator(cairn_fallback *fallback)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = fallback_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(fallback->second)], fallback};
}

CAIRN_EXPORT bool cairn_fallback_init(cairn_fallback *fallback, cairn_allocator first,
                                      cairn_allocator second)
{
    *fallback = (cairn_fallback){first, second.ops != NULL ? second : cairn_system()};
    return first.ops != NULL && cairn_allocator_can_tell(first);
}

CAIRN_EXPORT void cairn_fallback_fini(cairn_fallback *fallback)
{
    *fallback = (cairn_fallback){{NULL, NULL}, {NULL, NULL}};
}

/* first can tell; second is there */
CAIRN_EXPORT const char *cairn_fallback_audit(const cairn_fallback *fallback)
{
    if (fallback->first.ops == NULL || !cairn_allocator_can_tell(fallback->first))
        return "the first source cannot tell what it owns";
    if (fallback->second.ops == NULL)
        return "fallback has no second source";
    return NULL;
}
