/* SPDX-License-Identifier: MIT */
/* Arrays in an arena (cairn/arena_vector.h). A vector knows its arena, never the opposite; whether
 * it can grow in place is the arena's to say. */
#include "cairn/arena_vector.h"

#include "base/memory.h"
#include "kit/arena.h"

static void *at(const cairn_vector *vector, size_t index)
{
    return (char *)vector->data + index * vector->element.size;
}

CAIRN_EXPORT void cairn_vector_init(cairn_vector *vector, cairn_arena *arena, cairn_layout element)
{
    element = cairn_layout_pad_to_align(element);
    if (!cairn_layout_is_valid(element))
        element = cairn__layout(0, 1);
    *vector = (cairn_vector){.arena = arena, .element = element};
}

CAIRN_EXPORT bool cairn_vector_reserve(cairn_vector *vector, size_t count)
{
    if (count <= vector->capacity)
        return true;
    void *data = cairn__arena_grow(vector->arena, vector->data, vector->element, &vector->capacity,
                                   count);
    if (data == NULL)
        return false;
    vector->data = data;
    return true;
}

CAIRN_EXPORT void *cairn_vector_push_slow(cairn_vector *vector, size_t size)
{
    if (size != vector->element.size || !cairn_vector_reserve(vector, vector->count + 1))
        return NULL;
    return at(vector, vector->count++);
}

CAIRN_EXPORT bool cairn_vector_append(cairn_vector *vector, const void *elements, size_t n)
{
    if (n > SIZE_MAX - vector->count)
        return false;
    /* Its own elements move with it. */
    size_t offset = (size_t)((uintptr_t)elements - (uintptr_t)vector->data);
    bool is_inside = vector->data != NULL && offset < vector->count * vector->element.size;
    if (!cairn_vector_reserve(vector, vector->count + n))
        return false;
    if (is_inside)
        elements = (char *)vector->data + offset;
    if (n != 0)
        memmove(at(vector, vector->count), elements, n * vector->element.size);
    vector->count += n;
    return true;
}

CAIRN_EXPORT bool cairn_vector_resize(cairn_vector *vector, size_t count)
{
    if (!cairn_vector_reserve(vector, count))
        return false;
    if (count > vector->count)
        memset(at(vector, vector->count), 0, (count - vector->count) * vector->element.size);
    vector->count = count;
    return true;
}

CAIRN_EXPORT void *cairn_vector_insert(cairn_vector *vector, size_t index)
{
    if (index > vector->count || !cairn_vector_reserve(vector, vector->count + 1))
        return NULL;
    size_t behind = vector->count++ - index;
    memmove(at(vector, index + 1), at(vector, index), behind * vector->element.size);
    return at(vector, index);
}

CAIRN_EXPORT bool cairn_vector_remove(cairn_vector *vector, size_t index)
{
    if (index >= vector->count)
        return false;
    size_t behind = --vector->count - index;
    memmove(at(vector, index), at(vector, index + 1), behind * vector->element.size);
    return true;
}

CAIRN_EXPORT bool cairn_vector_remove_swap(cairn_vector *vector, size_t index)
{
    if (index >= vector->count)
        return false;
    vector->count--;
    memmove(at(vector, index), at(vector, vector->count), vector->element.size);
    return true;
}

CAIRN_EXPORT bool cairn_vector_pop(cairn_vector *vector, void *element)
{
    if (vector->count == 0)
        return false;
    vector->count--;
    if (element != NULL)
        memcpy(element, at(vector, vector->count), vector->element.size);
    return true;
}

CAIRN_EXPORT void cairn_vector_trim(cairn_vector *vector)
{
    if (vector->data == NULL)
        return;
    cairn_layout layout = cairn__layout(vector->capacity * vector->element.size,
                                        vector->element.align);
    size_t size = vector->count * vector->element.size;
    if (size == 0) {
        cairn_arena_dealloc(vector->arena, vector->data, layout);
        vector->data = NULL;
        vector->capacity = 0;
    } else if (cairn_arena_resize(vector->arena, vector->data, layout, size))
        vector->capacity = vector->count;
}

CAIRN_EXPORT const char *cairn_vector_audit(const cairn_vector *vector)
{
    if (vector->count > vector->capacity)
        return "vector: more elements than room";
    if ((vector->data == NULL) != (vector->capacity == 0))
        return "vector: room nowhere";
    if ((vector->element.size & (vector->element.align - 1)) != 0)
        return "vector: elements that do not lie in a row";
    return NULL;
}
