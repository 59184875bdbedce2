/* SPDX-License-Identifier: MIT */
/* The defaults of the interface, written once: what an allocator leaves out is done here. */
#include "cairn/allocator.h"

#include "base/config.h"
#include "base/memory.h"

CAIRN_EXPORT void *cairn_allocator_alloc_zeroed(cairn_allocator allocator, cairn_layout layout)
{
    if (UNLIKELY(!cairn_layout_is_valid(layout)))
        return NULL;
    if (allocator.ops->alloc_zeroed != NULL)
        return allocator.ops->alloc_zeroed(allocator.self, layout);
    void *ptr = allocator.ops->alloc(allocator.self, layout);
    if (LIKELY(ptr != NULL))
        memset(ptr, 0, layout.size);
    return ptr;
}

CAIRN_EXPORT void *cairn_allocator_realloc(cairn_allocator allocator, void *ptr,
                                           cairn_layout layout, size_t new_size)
{
    cairn_layout new_layout = cairn__layout(new_size, layout.align);
    if (UNLIKELY(!cairn_layout_is_valid(new_layout)))
        return NULL;
    if (UNLIKELY(ptr == NULL))
        return allocator.ops->alloc(allocator.self, new_layout);
    if (allocator.ops->realloc != NULL)
        return allocator.ops->realloc(allocator.self, ptr, layout, new_size);
    void *moved = allocator.ops->alloc(allocator.self, new_layout);
    if (UNLIKELY(moved == NULL))
        return NULL;
    memcpy(moved, ptr, layout.size < new_size ? layout.size : new_size);
    allocator.ops->dealloc(allocator.self, ptr, layout);
    return moved;
}

CAIRN_EXPORT void *cairn_allocator_alloc_array(cairn_allocator allocator, cairn_layout element,
                                               size_t n)
{
    return cairn_allocator_alloc(allocator, cairn_layout_repeat(element, n, NULL));
}

CAIRN_EXPORT void *cairn_allocator_realloc_array(cairn_allocator allocator, void *ptr,
                                                 cairn_layout element, size_t n, size_t new_n)
{
    cairn_layout old_layout = cairn_layout_repeat(element, n, NULL);
    cairn_layout new_layout = cairn_layout_repeat(element, new_n, NULL);
    if (!cairn_layout_is_valid(old_layout) || !cairn_layout_is_valid(new_layout))
        return NULL;
    return cairn_allocator_realloc(allocator, ptr, old_layout, new_layout.size);
}

CAIRN_EXPORT char *cairn_allocator_duplicate_string(cairn_allocator allocator, const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = cairn_allocator_alloc(allocator, cairn__layout(size, 1));
    if (copy != NULL)
        memcpy(copy, string, size);
    return copy;
}
