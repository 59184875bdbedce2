/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time, as its arena. An array in an arena (arena.h) that grows: it doubles its
 * room, so that n elements pushed cost O(n); while it is the last block of its arena it grows where
 * it is, and nothing is copied or lost. Nothing is to be freed. A vector that grew after a mark ends
 * with a rewind to it, whenever it was begun. Needs no C library (CAIRN_FREESTANDING).
 *
 *     cairn_vector points;
 *     cairn_vector_init(&points, arena, cairn_layout_of(struct point));
 *     struct point *point = cairn_vector_push(&points, struct point);
 *     for (size_t i = 0; i < points.count; i++)
 *         draw(cairn_vector_data(&points, struct point)[i]);
 *
 * A type named in such a call that has another size than the vector's elements is refused like an
 * index out of bounds.
 */
#ifndef CAIRN_ARENA_VECTOR_H
#define CAIRN_ARENA_VECTOR_H

#include "cairn/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the caller's storage; needs no end. To be read only; data moves when the vector grows. */
typedef struct cairn_vector {
    cairn_arena *arena;
    void *data; /* `count` elements in a row; NULL while it has no room */
    size_t count;
    size_t capacity;      /* elements; count <= capacity */
    cairn_layout element; /* size a multiple of align; size 0: can hold none */
} cairn_vector;

/* An empty vector; allocates nothing. With a layout that is not valid, or of 0 bytes, it can hold
 * no elements. */
void cairn_vector_init(cairn_vector *vector, cairn_arena *arena, cairn_layout element);

void *cairn_vector_push_slow(cairn_vector *vector, size_t size);

static inline void *cairn__vector_push(cairn_vector *vector, size_t size)
{
    if (__builtin_expect(vector->count < vector->capacity && size == vector->element.size, 1))
        return (char *)vector->data + vector->count++ * size;
    return cairn_vector_push_slow(vector, size);
}

static inline void *cairn__vector_at(const cairn_vector *vector, size_t size, size_t index)
{
    bool is_there = index < vector->count && size == vector->element.size;
    return is_there ? (char *)vector->data + index * size : NULL;
}

/* A new last element, its contents unspecified: a T *. NULL: out of memory. O(1) amortised. */
#define cairn_vector_push(vector, T) ((T *)cairn__vector_push((vector), sizeof(T)))

/* An element: a T *. NULL: index is not below count. */
#define cairn_vector_at(vector, T, index) ((T *)cairn__vector_at((vector), sizeof(T), (index)))

/* All of them, as a T *, unchecked. */
#define cairn_vector_data(vector, T) ((T *)(vector)->data)

/* Has room for `count` elements in all. False: out of memory. O(count) if it must move. */
bool cairn_vector_reserve(cairn_vector *vector, size_t count);

/* Appends copies of n elements, which may be its own. False: out of memory; it is as it was. */
bool cairn_vector_append(cairn_vector *vector, const void *elements, size_t n);

/* Gives it `count` elements: new ones are all zeroes, those too many end. False: out of memory. */
bool cairn_vector_resize(cairn_vector *vector, size_t count);

/* A new element before that of index, or at the end for index count; its contents unspecified.
 * NULL: out of memory, or there is no such index. O(elements behind it). */
void *cairn_vector_insert(cairn_vector *vector, size_t index);

/* Removes an element, the order kept, in O(elements behind it); or the last one takes its place,
 * O(1). False: there is no such index. */
bool cairn_vector_remove(cairn_vector *vector, size_t index);
bool cairn_vector_remove_swap(cairn_vector *vector, size_t index);

/* Removes the last element and copies it to *element, unless that is NULL. False: it is empty. */
bool cairn_vector_pop(cairn_vector *vector, void *element);

/* Room that is not used goes back, if nothing was allocated behind it. */
void cairn_vector_trim(cairn_vector *vector);

/* NULL: sound; else what is wrong. O(1). */
const char *cairn_vector_audit(const cairn_vector *vector);

#ifdef __cplusplus
}
#endif

#endif
