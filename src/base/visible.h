/* SPDX-License-Identifier: MIT */
/*
 * Makes an allocator's own idea of what is in use visible to AddressSanitizer and to Valgrind's
 * memcheck, so that they find a use after free, after a rewind or beyond a block in memory that
 * malloc has handed out long ago.
 *
 * AddressSanitizer: its functions are weak references, there in a process that has its run-time
 * library and NULL in others; no special build of ours is needed. It sees memory in steps of 8
 * bytes. Valgrind: a client request is a sequence of instructions that does nothing on a processor
 * and that Valgrind knows (Valgrind manual, 3.1 "The Client Request mechanism"); the request
 * numbers are part of its stable interface.
 *
 * All this is for slow paths. A kind with an inline fast path asks cairn__is_watched() when it is
 * made and, if so, keeps empty what the fast path looks at, so that every call comes to the slow
 * path. Where nobody watches, every function here is a test or nothing.
 *
 * An `anchor` is any address that stands for an allocator for as long as it lives: its state's.
 * Freestanding: all of it is nothing.
 */
#ifndef CAIRN_BASE_VISIBLE_H
#define CAIRN_BASE_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(CAIRN_FREESTANDING) && defined(__linux__) &&                                          \
    (defined(__x86_64__) || defined(__aarch64__))

#define OF_ASAN __attribute__((weak, visibility("default")))
OF_ASAN void __asan_poison_memory_region(const volatile void *ptr, size_t size);
OF_ASAN void __asan_unpoison_memory_region(const volatile void *ptr, size_t size);
#undef OF_ASAN

enum cairn__request {
    CAIRN__RUNNING_ON_VALGRIND = 0x1001,
    CAIRN__CREATE_POOL = 0x1303, /* anchor, red zone, is zeroed */
    CAIRN__DESTROY_POOL = 0x1304,
    CAIRN__POOL_ALLOC = 0x1305,                   /* anchor, ptr, size */
    CAIRN__POOL_FREE = 0x1306,                    /* anchor, ptr */
    CAIRN__MAKE_NOACCESS = 'M' << 24 | 'C' << 16, /* ptr, size; of the tool memcheck */
    CAIRN__MAKE_UNDEFINED,
    CAIRN__MAKE_DEFINED,
};

/* 0 on a processor. */
static inline uintptr_t cairn__request(uintptr_t request, uintptr_t a, uintptr_t b, uintptr_t c)
{
    volatile uintptr_t words[6] = {request, a, b, c, 0, 0};
    uintptr_t result = 0;
#if defined(__x86_64__)
    __asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
                     "xchgq %%rbx, %%rbx"
                     : "+d"(result)
                     : "a"(words)
                     : "cc", "memory");
#else
    register volatile uintptr_t *block __asm__("x4") = words;
    register uintptr_t value __asm__("x3") = result;
    __asm__ volatile("ror x12, x12, #3\n\tror x12, x12, #13\n\tror x12, x12, #51\n\t"
                     "ror x12, x12, #61\n\torr x10, x10, x10"
                     : "+r"(value)
                     : "r"(block)
                     : "cc", "memory");
    result = value;
#endif
    return result;
}

static inline bool cairn__has_asan(void)
{
    return __asan_poison_memory_region != NULL;
}

/* Whether anybody watches: to be asked once, and kept. */
static inline bool cairn__is_watched(void)
{
    return cairn__has_asan() || cairn__request(CAIRN__RUNNING_ON_VALGRIND, 0, 0, 0) != 0;
}

/* Nobody may touch it: memory from a source that no block lies in yet, or no more. */
static inline void cairn__show_unused(void *ptr, size_t size)
{
    if (cairn__has_asan())
        __asan_poison_memory_region(ptr, size);
    cairn__request(CAIRN__MAKE_NOACCESS, (uintptr_t)ptr, size, 0);
}

/* Anybody may touch it, and it holds nothing that counts: before it goes back to its source, and
 * where an allocator keeps notes of its own that it is about to write. */
static inline void cairn__show_usable(void *ptr, size_t size)
{
    if (cairn__has_asan())
        __asan_unpoison_memory_region(ptr, size);
    cairn__request(CAIRN__MAKE_UNDEFINED, (uintptr_t)ptr, size, 0);
}

/* The same, and what it holds counts: notes that the allocator is about to read. */
static inline void cairn__show_readable(void *ptr, size_t size)
{
    if (cairn__has_asan())
        __asan_unpoison_memory_region(ptr, size);
    cairn__request(CAIRN__MAKE_DEFINED, (uintptr_t)ptr, size, 0);
}

/* An allocator begins and ends. Blocks that are live at its end are forgotten, not leaks. */
static inline void cairn__show_begin(const void *anchor)
{
    cairn__request(CAIRN__CREATE_POOL, (uintptr_t)anchor, 0, 0);
}

static inline void cairn__show_end(const void *anchor)
{
    cairn__request(CAIRN__DESTROY_POOL, (uintptr_t)anchor, 0, 0);
}

/* A block begins, with nothing in it; memcheck counts it among the leaks if nobody points to it at
 * exit. Then it ends, and nobody may touch it. */
static inline void cairn__show_alloc(const void *anchor, void *ptr, size_t size)
{
    if (cairn__has_asan())
        __asan_unpoison_memory_region(ptr, size);
    cairn__request(CAIRN__POOL_ALLOC, (uintptr_t)anchor, (uintptr_t)ptr, size);
}

static inline void cairn__show_dealloc(const void *anchor, void *ptr, size_t size)
{
    if (cairn__has_asan())
        __asan_poison_memory_region(ptr, size);
    cairn__request(CAIRN__POOL_FREE, (uintptr_t)anchor, (uintptr_t)ptr, 0);
}

#else

static inline bool cairn__is_watched(void)
{
    return false;
}

static inline void cairn__show_unused(void *ptr, size_t size)
{
    (void)ptr, (void)size;
}

static inline void cairn__show_usable(void *ptr, size_t size)
{
    (void)ptr, (void)size;
}

static inline void cairn__show_readable(void *ptr, size_t size)
{
    (void)ptr, (void)size;
}

static inline void cairn__show_begin(const void *anchor)
{
    (void)anchor;
}

static inline void cairn__show_end(const void *anchor)
{
    (void)anchor;
}

static inline void cairn__show_alloc(const void *anchor, void *ptr, size_t size)
{
    (void)anchor, (void)ptr, (void)size;
}

static inline void cairn__show_dealloc(const void *anchor, void *ptr, size_t size)
{
    (void)anchor, (void)ptr, (void)size;
}

#endif

#endif
