/* SPDX-License-Identifier: MIT */
/*
 * A malloc for the tests of `cairn replay`, to be preloaded: blocks one after the other from a large
 * region, never used again. OVERLAP, CRASH, HANG, DIRTY, CROOKED: each makes one kind of mistake;
 * PARTIAL leaves most functions out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef OVERLAP
#define OVERLAP 0
#endif
#ifndef CRASH
#define CRASH 0
#endif
#ifndef DIRTY
#define DIRTY 0
#endif
#ifndef HANG
#define HANG 0
#endif
#ifndef CROOKED
#define CROOKED 0
#endif

enum { HEADER = 16, LATE = 2000 };
static const size_t region = (size_t)64 << 30;
static _Atomic(unsigned char *) start;
static _Atomic size_t used, calls;

static unsigned char *begin(void)
{
    unsigned char *there = atomic_load(&start);
    if (there)
        return there;
    there = mmap(NULL, region, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    unsigned char *none = NULL;
    if (!atomic_compare_exchange_strong(&start, &none, there)) {
        munmap(there, region);
        there = none;
    }
    return there;
}

static void *take(size_t size, size_t align)
{
    static _Atomic(unsigned char *) last;
    unsigned char *from = begin();
    size_t number = atomic_fetch_add(&calls, 1);

    if (CRASH && number == LATE)
        __builtin_trap();
    while (HANG && number == LATE)
        sched_yield();
    size_t room = (size + HEADER + align + 15) & ~(size_t)15;
    uintptr_t at = (uintptr_t)from + atomic_fetch_add(&used, room) + HEADER;
    at = (at + align - 1) & ~(uintptr_t)(align - 1);
    unsigned char *block = (unsigned char *)at;
    if (OVERLAP && align <= 16 && number > LATE && number % 8 == 0 && atomic_load(&last))
        return atomic_load(&last); /* whose it is already */
    memcpy(block - sizeof size, &size, sizeof size);
    atomic_store(&last, block);
    return block;
}

void *malloc(size_t size)
{
    return take(size, 16);
}

void free(void *ptr)
{
    (void)ptr;
}

#ifndef PARTIAL
size_t malloc_usable_size(void *ptr)
{
    size_t size = 0;
    if (ptr)
        memcpy(&size, (unsigned char *)ptr - sizeof size, sizeof size);
    return size;
}

void *calloc(size_t count, size_t size)
{
    unsigned char *block = take(count * size, 16);
    if (DIRTY && size > 4)
        block[4] = 1;
    return block;
}

void *realloc(void *ptr, size_t size)
{
    void *block = take(size, 16);
    size_t old = malloc_usable_size(ptr);
    if (ptr)
        memcpy(block, ptr, old < size ? old : size);
    return block;
}

int posix_memalign(void **block, size_t align, size_t size)
{
    unsigned char *aligned = take(size, align);
    *block = aligned + (CROOKED ? 16 : 0);
    return 0;
}

void *memalign(size_t align, size_t size)
{
    return take(size, align);
}

void *aligned_alloc(size_t align, size_t size)
{
    return take(size, align);
}
#endif
