/* SPDX-License-Identifier: MIT */
/*
 * The names that a program allocates by. Each is handed on to the allocator that the program has
 * anyway (inner.h), and recorded: what begins after that has returned, what ends before it is called,
 * so that the order of records is one in which it can have happened.
 *
 * realloc is recorded as one event afterwards; the old address may be given out again before that
 * (tools/trace/live.h tells how that is read).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "record/inner.h"
#include "record/record.h"

/* What this machine's headers do not declare. */
void *pvalloc(size_t size);
void *valloc(size_t size);
void *memalign(size_t align, size_t size);
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

static void *begun(enum ring_kind kind, void *ptr, size_t size, size_t align)
{
    int saved = errno;
    cairn__record(
        (struct event){.kind = kind, .ptr = (uintptr_t)ptr, .size = size, .align = align});
    errno = saved;
    return ptr;
}

CAIRN_EXPORT void *malloc(size_t size)
{
    return begun(RING_ALLOC, cairn__inner.malloc(size), size, 0);
}

CAIRN_EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *ptr = cairn__inner.calloc(count, size);
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    return begun(RING_ZEROED, ptr, bytes, 0);
}

CAIRN_EXPORT void free(void *ptr)
{
    if (ptr == NULL || UNLIKELY(cairn__inner_is_early(ptr)))
        return;
    cairn__record_free(ptr);
    cairn__inner.free(ptr);
}

static COLD void *moved_early(void *ptr, size_t size)
{
    void *moved = malloc(size);
    if (moved != NULL)
        memcpy(moved, ptr, size_min(cairn__inner_early_size(ptr), size));
    return moved;
}

static void *resized(void *ptr, size_t size)
{
    uintptr_t old = (uintptr_t)ptr;
    void *moved = cairn__inner.realloc(ptr, size);
    int saved = errno;
    cairn__record(
        (struct event){.kind = RING_REALLOC, .ptr = (uintptr_t)moved, .old = old, .size = size});
    errno = saved;
    return moved;
}

CAIRN_EXPORT void *realloc(void *ptr, size_t size)
{
    if (ptr == NULL)
        return begun(RING_ALLOC, cairn__inner.realloc(NULL, size), size, 0);
    if (UNLIKELY(cairn__inner_is_early(ptr)))
        return moved_early(ptr, size);
    if (size != 0)
        return resized(ptr, size);
    /* The C library frees; with others what comes back is a new block of no size. */
    cairn__record_free(ptr);
    void *left = cairn__inner.realloc(ptr, 0);
    return left == NULL ? NULL : begun(RING_ALLOC, left, 0, 0);
}

/* As the C library does it, by way of realloc. */
CAIRN_EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(ptr, bytes);
}

CAIRN_EXPORT void *memalign(size_t align, size_t size)
{
    return begun(RING_ALLOC, cairn__inner.memalign(align, size), size, align);
}

CAIRN_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    return begun(RING_ALLOC, cairn__inner.aligned_alloc(align, size), size, align);
}

CAIRN_EXPORT int posix_memalign(void **block, size_t align, size_t size)
{
    void *ptr = NULL;
    int error = cairn__inner.posix_memalign(&ptr, align, size);
    begun(RING_ALLOC, error == 0 ? ptr : NULL, size, align);
    if (error == 0)
        *block = ptr;
    return error;
}

static size_t os_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

CAIRN_EXPORT void *valloc(size_t size)
{
    return begun(RING_ALLOC, cairn__inner.valloc(size), size, os_page());
}

CAIRN_EXPORT void *pvalloc(size_t size)
{
    return begun(RING_ALLOC, cairn__inner.pvalloc(size), size, os_page());
}

CAIRN_EXPORT void cfree(void *ptr)
{
    free(ptr);
}

/* C23. Where the C library has them, they do what free does. */
CAIRN_EXPORT void free_sized(void *ptr, size_t size)
{
    (void)size;
    free(ptr);
}

CAIRN_EXPORT void free_aligned_sized(void *ptr, size_t align, size_t size)
{
    (void)align, (void)size;
    free(ptr);
}
