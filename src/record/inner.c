/* SPDX-License-Identifier: MIT */
/*
 * See inner.h. dlsym(RTLD_NEXT) finds the functions, at the first call of any of them: that is while
 * the loader starts the program, in its only thread. dlsym may allocate itself; those calls come back
 * here, and are served from a small room of our own.
 */
#define _GNU_SOURCE
#include "record/inner.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum { EARLY_ROOM = 16 * 1024, EARLY_ALIGN = 16 };

static struct {
    _Atomic size_t used;
    _Alignas(EARLY_ALIGN) char room[EARLY_ROOM];
} early;

bool cairn__inner_is_early(const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)early.room < EARLY_ROOM;
}

/* The size stands before the block. */
size_t cairn__inner_early_size(const void *ptr)
{
    size_t size;
    memcpy(&size, (const char *)ptr - EARLY_ALIGN, sizeof size);
    return size;
}

static void *early_take(size_t size)
{
    if (size > EARLY_ROOM)
        return NULL;
    size_t whole = (size + 2 * EARLY_ALIGN - 1) / EARLY_ALIGN * EARLY_ALIGN;
    size_t at = atomic_fetch_add_explicit(&early.used, whole, memory_order_relaxed);
    if (at + whole > EARLY_ROOM)
        return NULL;
    memcpy(early.room + at, &size, sizeof size);
    return early.room + at + EARLY_ALIGN;
}

static void *early_realloc(void *ptr, size_t size)
{
    size_t had = ptr == NULL ? 0 : cairn__inner_early_size(ptr);
    void *moved = early_take(size);
    if (moved != NULL && ptr != NULL)
        memcpy(moved, ptr, had < size ? had : size);
    return moved;
}

/* ---- looking for the functions ---- */

static _Atomic bool looking;

static void *found(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* False: we are being asked by the search itself. */
static bool look(void)
{
    if (atomic_exchange_explicit(&looking, true, memory_order_acquire))
        return false;
    int saved = errno;
    struct {
        const char *name;
        void *function;
    } names[] = {
        {"malloc", found("malloc")},
        {"calloc", found("calloc")},
        {"realloc", found("realloc")},
        {"free", found("free")},
        {"memalign", found("memalign")},
        {"aligned_alloc", found("aligned_alloc")},
        {"posix_memalign", found("posix_memalign")},
        {"valloc", found("valloc")},
        {"pvalloc", found("pvalloc")},
    };
    enum { COUNT = sizeof names / sizeof *names };
    _Static_assert(sizeof(struct inner) == COUNT * sizeof(void *), "names as in struct inner");
    void *functions[COUNT];
    memcpy(functions, &cairn__inner, sizeof functions);
    for (size_t i = 0; i < COUNT; i++)
        if (names[i].function != NULL)
            functions[i] = names[i].function;
    memcpy(&cairn__inner, functions, sizeof functions);
    errno = saved;
    return true;
}

static void *first_malloc(size_t size)
{
    return look() ? cairn__inner.malloc(size) : early_take(size);
}

static void *first_calloc(size_t count, size_t size)
{
    /* The room is zeroed, and nothing in it is used twice. */
    return look() ? cairn__inner.calloc(count, size) : early_take(count * size);
}

static void *first_realloc(void *ptr, size_t size)
{
    return look() ? cairn__inner.realloc(ptr, size) : early_realloc(ptr, size);
}

static void first_free(void *ptr)
{
    if (look())
        cairn__inner.free(ptr);
}

static void *first_memalign(size_t align, size_t size)
{
    return look() ? cairn__inner.memalign(align, size) : NULL;
}

static void *first_aligned_alloc(size_t align, size_t size)
{
    return look() ? cairn__inner.aligned_alloc(align, size) : NULL;
}

static int first_posix_memalign(void **block, size_t align, size_t size)
{
    return look() ? cairn__inner.posix_memalign(block, align, size) : ENOMEM;
}

static void *first_valloc(size_t size)
{
    return look() ? cairn__inner.valloc(size) : NULL;
}

static void *first_pvalloc(size_t size)
{
    return look() ? cairn__inner.pvalloc(size) : NULL;
}

struct inner cairn__inner = {
    .malloc = first_malloc,
    .calloc = first_calloc,
    .realloc = first_realloc,
    .free = first_free,
    .memalign = first_memalign,
    .aligned_alloc = first_aligned_alloc,
    .posix_memalign = first_posix_memalign,
    .valloc = first_valloc,
    .pvalloc = first_pvalloc,
};
