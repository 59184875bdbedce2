/* SPDX-License-Identifier: MIT */
/* See traced_threads.h. */
#include "kit/traced_threads.h"

/* As many slots a process has before setting one allocates (place.h). */
enum { SLOTS_IN_PLACE = 32 };

void cairn__threads_init(struct threads *threads, void (*hook)(void *entry))
{
    threads->has_slot = cairn__os_slot_init(&threads->slot, hook);
    if (threads->has_slot && threads->slot.key >= SLOTS_IN_PLACE) {
        cairn__os_slot_fini(&threads->slot);
        threads->has_slot = false;
    }
}

void cairn__threads_fini(struct threads *threads)
{
    if (threads->has_slot)
        cairn__os_slot_fini(&threads->slot);
    threads->has_slot = false;
}

static bool claim(struct thread *thread, uintptr_t mark)
{
    uintptr_t found = __atomic_load_n(&thread->mark, __ATOMIC_RELAXED);
    if (found != THREAD_FREE && found != THREAD_GONE)
        return false;
    /* Acquire and release pair with each other: who takes over an entry sees its last user's words
     * written before its own. */
    return __atomic_compare_exchange_n(&thread->mark, &found, mark, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

struct thread *cairn__threads_enter(struct threads *threads, uintptr_t mark)
{
    size_t home = threads_home(mark);
    for (size_t i = 0; i < THREADS_PROBES; i++) {
        struct thread *thread = &threads->table[(home + i) % THREADS_MAX];
        if (!claim(thread, mark))
            continue;
        thread->id = (uint32_t)cairn__os_thread_id();
        thread->order = __atomic_fetch_add(&threads->count, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&thread->busy, 0,
                         __ATOMIC_RELAXED); /* its last user may be lost in a fork */
        if (threads->has_slot)
            cairn__os_slot_set(&threads->slot, thread);
        return thread;
    }
    return NULL;
}

bool cairn__threads_leave(struct threads *threads, void *entry)
{
    if ((uintptr_t)entry - (uintptr_t)threads->table >= sizeof threads->table)
        return false;
    struct thread *thread = entry;
    __atomic_store_n(&thread->mark, THREAD_GONE, __ATOMIC_RELEASE);
    return true;
}

void cairn__threads_clear(struct threads *threads)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        __atomic_store_n(&threads->table[i].mark, THREAD_FREE, __ATOMIC_RELAXED);
}
