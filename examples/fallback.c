/* SPDX-License-Identifier: MIT */
/* Small things in a buffer on the stack, and the process's malloc when it is full. */
#include <stdio.h>

#include "cairn/fallback.h"
#include "cairn/system.h"

/* Hands out a buffer from its start; takes back only the last block. It knows its own blocks. */
struct buffer {
    size_t used;
    _Alignas(16) char bytes[256];
};

static void *buffer_alloc(void *self, cairn_layout layout)
{
    struct buffer *buffer = self;
    size_t at = (buffer->used + layout.align - 1) & ~(layout.align - 1);
    size_t size = layout.size != 0 ? layout.size : 1;
    if (layout.align > 16 || at > sizeof buffer->bytes || size > sizeof buffer->bytes - at)
        return NULL;
    buffer->used = at + size;
    return buffer->bytes + at;
}

static void buffer_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct buffer *buffer = self;
    if ((char *)ptr + layout.size == buffer->bytes + buffer->used)
        buffer->used -= layout.size;
}

static bool buffer_owns(void *self, const void *ptr)
{
    struct buffer *buffer = self;
    return (uintptr_t)ptr - (uintptr_t)buffer->bytes < sizeof buffer->bytes;
}

static const cairn_allocator_ops buffer_ops = {
    .name = "buffer", .alloc = buffer_alloc, .dealloc = buffer_dealloc, .owns = buffer_owns};

int main(void)
{
    struct buffer buffer = {.used = 0};
    cairn_allocator near = {&buffer_ops, &buffer};
    cairn_fallback fallback;
    if (!cairn_fallback_init(&fallback, near, cairn_system()))
        return 1;
    cairn_allocator allocator = cairn_fallback_allocator(&fallback);

    size_t count = 8, next = 0;
    int *numbers = cairn_allocator_alloc_array(allocator, cairn_layout_of(int), count);
    for (int i = 0; numbers != NULL && i < 200; i++) {
        if (next == count) {
            bool was_near = cairn_allocator_owns(near, numbers);
            numbers = cairn_allocator_realloc_array(allocator, numbers, cairn_layout_of(int), count,
                                                    count * 2);
            if (numbers == NULL)
                return 1;
            count *= 2;
            if (was_near && !cairn_allocator_owns(near, numbers))
                printf("moved to the heap with room for %zu\n", count);
        }
        numbers[next++] = i * i;
    }
    printf("%zu numbers, the last is %d\n", next, numbers[next - 1]);
    cairn_allocator_dealloc(allocator, numbers, cairn_layout_array(int, count));
    cairn_fallback_fini(&fallback);
    return 0;
}
