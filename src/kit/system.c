/* SPDX-License-Identifier: MIT */
/*
 * The process's malloc as an allocator. Alignments that malloc gives anyway go to it, larger ones
 * to posix_memalign; both kinds of blocks end in free, and a block that realloc must keep aligned
 * moves by hand.
 */
#include <stdlib.h>

#include "cairn/system.h"

#include "base/config.h"
#include "base/memory.h"

/* What malloc aligns to, and for small blocks only as much as they can hold: C17 7.22.3. */
#define NATURAL_ALIGN (_Alignof(max_align_t))

/* Of larger ones there is no multiple but 0 among addresses; not every malloc thinks of that. */
#define ALIGN_MAX (SIZE_MAX >> 8)

static bool is_natural(cairn_layout layout)
{
    return layout.align <= NATURAL_ALIGN && layout.align <= layout.size;
}

static void *system_alloc(void *self, cairn_layout layout)
{
    (void)self;
    size_t size = layout.size != 0 ? layout.size : 1;
    if (LIKELY(is_natural(layout)) || layout.align == 1)
        return malloc(size);
    if (UNLIKELY(layout.align > ALIGN_MAX))
        return NULL;
    size_t align = layout.align > sizeof(void *) ? layout.align : sizeof(void *);
    void *ptr = NULL;
    return posix_memalign(&ptr, align, size) == 0 ? ptr : NULL;
}

static void *system_alloc_zeroed(void *self, cairn_layout layout)
{
    if (LIKELY(is_natural(layout)) || layout.align == 1)
        return calloc(1, layout.size != 0 ? layout.size : 1);
    void *ptr = system_alloc(self, layout);
    if (ptr != NULL)
        memset(ptr, 0, layout.size);
    return ptr;
}

static void system_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self;
    (void)layout;
    free(ptr);
}

static void *system_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_layout new_layout = {new_size, layout.align};
    if (LIKELY(is_natural(new_layout)) || layout.align == 1)
        return realloc(ptr, new_size != 0 ? new_size : 1);
    void *moved = system_alloc(self, new_layout);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, layout.size < new_size ? layout.size : new_size);
    free(ptr);
    return moved;
}

CAIRN_EXPORT cairn_allocator cairn_system(void)
{
    static const cairn_allocator_ops ops = {
        .name = "system",
        .alloc = system_alloc,
        .dealloc = system_dealloc,
        .alloc_zeroed = system_alloc_zeroed,
        .realloc = system_realloc,
    };
    return (cairn_allocator){&ops, NULL};
}
