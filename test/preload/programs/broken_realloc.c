/* SPDX-License-Identifier: MIT */
/*
 * An allocator with one fault: realloc loses the last byte of what it moves. It exists to prove
 * that the suite can fail (run.sh --check-that-it-can-fail). All else is libc's malloc, with 16
 * bytes before each block that hold where libc's block begins and the size asked for, so that the
 * last byte is really the caller's. The shell that runs the case is spared: each program shall
 * notice for itself.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void __libc_free(void *);

struct before {
    void *whole;
    size_t size;
};

static struct before *before(void *ptr)
{
    return (struct before *)ptr - 1;
}

void *memalign(size_t alignment, size_t size)
{
    if (alignment < 16)
        alignment = 16;
    if (size > PTRDIFF_MAX - 2 * alignment)
        return errno = ENOMEM, NULL;
    char *whole = __libc_malloc(size + 2 * alignment);
    if (!whole)
        return NULL;
    char *ptr = (char *)(((uintptr_t)whole + 2 * alignment - 1) & ~(alignment - 1));
    *before(ptr) = (struct before){whole, size};
    return ptr;
}

void *malloc(size_t size)
{
    return memalign(16, size);
}

void free(void *ptr)
{
    if (ptr)
        __libc_free(before(ptr)->whole);
}

void *calloc(size_t count, size_t size)
{
    if (size && count > PTRDIFF_MAX / size)
        return errno = ENOMEM, NULL;
    void *ptr = malloc(count * size);
    return ptr ? memset(ptr, 0, count * size) : NULL;
}

void *realloc(void *ptr, size_t size)
{
    if (!ptr)
        return malloc(size);
    if (!size)
        return free(ptr), NULL;
    void *moved = malloc(size);
    if (!moved)
        return NULL;
    size_t kept = before(ptr)->size < size ? before(ptr)->size : size;
    memcpy(moved, ptr, kept);
    if (kept && strcmp(program_invocation_short_name, "bash") != 0)
        ((char *)moved)[kept - 1] ^= 0x55; /* the fault */
    free(ptr);
    return moved;
}

void *reallocarray(void *ptr, size_t count, size_t size)
{
    if (size && count > PTRDIFF_MAX / size)
        return errno = ENOMEM, NULL;
    return realloc(ptr, count * size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    void *ptr = memalign(alignment, size);
    if (!ptr)
        return ENOMEM;
    *out = ptr;
    return 0;
}

void *valloc(size_t size)
{
    return memalign(4096, size);
}

void *pvalloc(size_t size)
{
    return memalign(4096, (size + 4095) & ~(size_t)4095);
}

size_t malloc_usable_size(void *ptr)
{
    return ptr ? before(ptr)->size : 0;
}
