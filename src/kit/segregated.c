/* SPDX-License-Identifier: MIT */
/* See cairn/segregated.h. It has no state that changes: source_of is a function of the layout. */
#include "cairn/segregated.h"

#include "base/bits.h"
#include "base/memory.h"
#include "cairn/system.h"

static bool is_small(const cairn_segregated *segregated, cairn_layout layout)
{
    return layout.size <= segregated->threshold && layout.align <= segregated->threshold;
}

static cairn_allocator source_of(const cairn_segregated *segregated, cairn_layout layout)
{
    return is_small(segregated, layout) ? segregated->small : segregated->large;
}

static void *segregated_alloc(void *self, cairn_layout layout)
{
    return cairn_allocator_alloc(source_of(self, layout), layout);
}

static void *segregated_alloc_zeroed(void *self, cairn_layout layout)
{
    return cairn_allocator_alloc_zeroed(source_of(self, layout), layout);
}

static void segregated_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_allocator_dealloc(source_of(self, layout), ptr, layout);
}

static void *segregated_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_segregated *segregated = self;
    cairn_layout new_layout = {new_size, layout.align};
    cairn_allocator source = source_of(segregated, layout);
    if (is_small(segregated, layout) == is_small(segregated, new_layout))
        return cairn_allocator_realloc(source, ptr, layout, new_size);
    void *moved = cairn_allocator_alloc(source_of(segregated, new_layout), new_layout);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, size_min(layout.size, new_size));
    cairn_allocator_dealloc(source, ptr, layout);
    return moved;
}

static bool segregated_owns(void *self, const void *ptr)
{
    cairn_segregated *segregated = self;
    return cairn_allocator_owns(segregated->small, ptr) ||
           cairn_allocator_owns(segregated->large, ptr);
}

static size_t segregated_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    return cairn_allocator_usable_size(source_of(self, layout), ptr, layout);
}

#define OPS                                                                                        \
    .name = "segregated", .alloc = segregated_alloc, .dealloc = segregated_dealloc,                \
    .alloc_zeroed = segregated_alloc_zeroed, .realloc = segregated_realloc,                        \
    .usable_size = segregated_usable_size

CAIRN_EXPORT cairn_allocator cairn_segregated_allocator(cairn_segregated *segregated)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = segregated_owns}};
    bool can_tell = cairn_allocator_can_tell(segregated->small) &&
                    cairn_allocator_can_tell(segregated->large);
    return (cairn_allocator){&ops[can_tell], segregated};
}

CAIRN_EXPORT void cairn_segregated_init(cairn_segregated *segregated, cairn_allocator small,
                                        cairn_allocator large, size_t threshold)
{
    *segregated = (cairn_segregated){small.ops != NULL ? small : cairn_system(),
                                     large.ops != NULL ? large : cairn_system(), threshold};
}

CAIRN_EXPORT void cairn_segregated_fini(cairn_segregated *segregated)
{
    *segregated = (cairn_segregated){{NULL, NULL}, {NULL, NULL}, 0};
}

CAIRN_EXPORT const char *cairn_segregated_audit(const cairn_segregated *segregated)
{
    if (segregated->small.ops == NULL || segregated->large.ops == NULL)
        return "segregated lacks a source";
    return NULL;
}
