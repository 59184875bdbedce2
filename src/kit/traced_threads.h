/* SPDX-License-Identifier: MIT */
/*
 * The threads that a log knows: a table by thread mark (place.h), filled without a lock, since only
 * a thread itself enters its mark. When a thread ends, its entry is marked as gone, through a slot
 * if one can be had without allocating; a slot that would allocate is not used, and a later thread
 * that gets the same mark is taken for the earlier one then. Threads that find no room share
 * nothing: they are looked up anew at each call, and have no guard against their signal handlers.
 *
 *     a mark is in at most one entry, within PROBES of its home, behind no entry that is FREE
 */
#ifndef CAIRN_KIT_TRACED_THREADS_H
#define CAIRN_KIT_TRACED_THREADS_H

#include "os/place.h"

enum { THREADS_BITS = 10, THREADS_MAX = 1 << THREADS_BITS, THREADS_PROBES = 16 };

enum { THREAD_FREE = 0, THREAD_GONE = 1 }; /* instead of a mark, which is an aligned address */

struct thread {
    uintptr_t mark; /* atomic: written by the thread itself, and by its end */
    uint32_t id;    /* the kernel's; this and the rest are used by the thread itself alone */
    uint32_t order; /* the how many-th it was */
    uint32_t busy;  /* it is writing to the log; atomic for its signal handlers */
};

struct threads {
    struct thread table[THREADS_MAX];
    struct slot slot;
    bool has_slot;
    uint32_t count; /* atomic: entered so far */
};

/* hook runs at the end of a thread, with its entry. All 0 before. */
void cairn__threads_init(struct threads *threads, void (*hook)(void *entry));
void cairn__threads_fini(struct threads *threads);

static inline size_t threads_home(uintptr_t mark)
{
    return (size_t)((uint64_t)mark * 0x9E3779B97F4A7C15u >> (64 - THREADS_BITS));
}

/* This thread's entry; NULL: none yet. */
static inline struct thread *threads_find(struct threads *threads, uintptr_t mark)
{
    size_t home = threads_home(mark);
    for (size_t i = 0; i < THREADS_PROBES; i++) {
        struct thread *thread = &threads->table[(home + i) % THREADS_MAX];
        uintptr_t found = __atomic_load_n(&thread->mark, __ATOMIC_RELAXED);
        if (LIKELY(found == mark))
            return thread;
        if (found == THREAD_FREE)
            return NULL;
    }
    return NULL;
}

/* Enters this thread, which has no entry; NULL: no room. */
struct thread *cairn__threads_enter(struct threads *threads, uintptr_t mark);

/* What a hook is for: whether it is an entry of this table; then its thread is gone. */
bool cairn__threads_leave(struct threads *threads, void *entry);

/* In the child of a fork: none of the others is there, and this one has another number. */
void cairn__threads_clear(struct threads *threads);

#endif
