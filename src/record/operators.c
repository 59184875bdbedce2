/* SPDX-License-Identifier: MIT */
/*
 * C++ operator new and delete. Those of a C++ library come to malloc, which records; they are jumped
 * to, so that no frame of ours stands in between. But an allocator that is preloaded or linked may
 * bring its own, which do not: they are recorded here. Which of the two the next definition is, is
 * seen from the file that it lies in: the one that malloc comes from, or another. An allocator's
 * operators may call each other by name, and so come here once more: that is recorded once.
 *
 * Where there is no next one (a C program that has loaded a C++ library by dlopen, which finds ours
 * first), malloc and free serve; there, out of memory ends the program, as it does when the exception
 * is not caught. An exception of the next one passes through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/config.h"
#include "record/lane.h"
#include "record/record.h"

enum { UNKNOWN, HANDS_ON, RECORDS, SERVES };

struct next {
    const char *name;
    void *_Atomic function;
    _Atomic int manner;
};

static const void *file_of(const void *function)
{
    Dl_info info;
    return dladdr(function, &info) ? info.dli_fbase : NULL;
}

static COLD int find(struct next *next)
{
    void *function = dlsym(RTLD_NEXT, next->name), *allocator = dlsym(RTLD_NEXT, "malloc");
    int manner = function == NULL                          ? SERVES
                 : file_of(function) == file_of(allocator) ? RECORDS
                                                           : HANDS_ON;

    atomic_store_explicit(&next->function, function, memory_order_relaxed);
    /* Release: the function is there for whoever sees the manner. */
    atomic_store_explicit(&next->manner, manner, memory_order_release);
    return manner;
}

static inline int manner_of(struct next *next)
{
    int manner = atomic_load_explicit(&next->manner, memory_order_acquire);
    return LIKELY(manner != UNKNOWN) ? manner : find(next);
}

/* position: before it was. */
static void *made(void *ptr, uint64_t position, size_t size, size_t align)
{
    if (position != 0 && position != cairn__lane_position())
        return ptr; /* it was recorded on the way */
    cairn__record(
        (struct event){.kind = RING_ALLOC, .ptr = (uintptr_t)ptr, .size = size, .align = align});
    return ptr;
}

/* Without a C++ library at hand. */
static COLD void *serve(size_t size, size_t align, bool throws)
{
    void *ptr = align == 0 ? malloc(size != 0 ? size : 1) : aligned_alloc(align, size);
    if (ptr == NULL && throws)
        abort();
    return ptr;
}

/* size_t is mangled as unsigned long. */
_Static_assert(sizeof(size_t) == 8, "the names below");

#define NEW(symbol, parameters, arguments, align, throws)                                          \
    void *symbol parameters;                                                                       \
    CAIRN_EXPORT void *symbol parameters                                                           \
    {                                                                                              \
        static struct next next = {.name = #symbol};                                               \
        int manner = manner_of(&next);                                                             \
        void *(*function)parameters = (void *(*)parameters)atomic_load_explicit(                   \
            &next.function, memory_order_relaxed);                                                 \
        if (LIKELY(manner == HANDS_ON))                                                            \
            return function arguments;                                                             \
        if (manner == SERVES)                                                                      \
            return serve(size, align, throws);                                                     \
        uint64_t position = cairn__lane_position();                                                \
        void *ptr = function arguments;                                                            \
        return made(ptr, position, size, align);                                                   \
    }

#define DELETE(symbol, parameters, arguments)                                                      \
    void symbol parameters;                                                                        \
    CAIRN_EXPORT void symbol parameters                                                            \
    {                                                                                              \
        static struct next next = {.name = #symbol};                                               \
        int manner = manner_of(&next);                                                             \
        void(*function) parameters = (void(*) parameters)atomic_load_explicit(                     \
            &next.function, memory_order_relaxed);                                                 \
        if (LIKELY(manner == HANDS_ON)) {                                                          \
            function arguments;                                                                    \
        } else if (manner == RECORDS) {                                                            \
            if (ptr != NULL)                                                                       \
                cairn__record_free(ptr);                                                           \
            bool first = cairn__lane_hand_on();                                                    \
            function arguments;                                                                    \
            if (first)                                                                             \
                cairn__lane_handed_on();                                                           \
        } else {                                                                                   \
            free(ptr);                                                                             \
        }                                                                                          \
    }

NEW(_Znwm, (size_t size), (size), 0, true)
NEW(_Znam, (size_t size), (size), 0, true)
NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0, false)
NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0, false)
NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align), align, true)
NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align), align, true)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag),
    (size, align, tag), align, false)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag),
    (size, align, tag), align, false)

DELETE(_ZdlPv, (void *ptr), (ptr))
DELETE(_ZdaPv, (void *ptr), (ptr))
DELETE(_ZdlPvm, (void *ptr, size_t size), (ptr, size))
DELETE(_ZdaPvm, (void *ptr, size_t size), (ptr, size))
DELETE(_ZdlPvRKSt9nothrow_t, (void *ptr, const void *tag), (ptr, tag))
DELETE(_ZdaPvRKSt9nothrow_t, (void *ptr, const void *tag), (ptr, tag))
DELETE(_ZdlPvSt11align_val_t, (void *ptr, size_t align), (ptr, align))
DELETE(_ZdaPvSt11align_val_t, (void *ptr, size_t align), (ptr, align))
DELETE(_ZdlPvmSt11align_val_t, (void *ptr, size_t size, size_t align), (ptr, size, align))
DELETE(_ZdaPvmSt11align_val_t, (void *ptr, size_t size, size_t align), (ptr, size, align))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *ptr, size_t align, const void *tag),
       (ptr, align, tag))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *ptr, size_t align, const void *tag),
       (ptr, align, tag))
