/* SPDX-License-Identifier: MIT */
/*
 * When free memory goes back to the system. What a program needed a moment ago it will need again in
 * a moment, so free touched memory up to the recent peak of what was in use stays; the rest goes. The
 * peak is looked at in steps of the option PURGE_DELAY.
 *
 * Who does it: the thread that frees. What exceeds the limit it gives back at once, the rest at a
 * later call; and when a thread ends, what it leaves, but for a little that waits in parked
 * heaps (registry.h) until the second step. So a process that goes to sleep keeps at most the limit,
 * and that. If asked for, a process with several threads gets a helper thread that needs no call. It
 * is started when the second thread allocates, and sleeps while there is nothing to give back. Not by
 * default: a sandbox may kill a program for a thread that it did not mean to start.
 */
#ifndef CAIRN_CORE_PURGE_H
#define CAIRN_CORE_PURGE_H

#include "core/chunk.h"

/* A thread that is not the first has got its heap: starts the helper, if there is none. May allocate. */
void cairn__purge_threads(void);

COLD void cairn__purge_attend(void);

/* To be called after anything that may have given units back, without locks and outside of edits. */
static inline void purge_attend(void)
{
    if (UNLIKELY(atomic_load_explicit(&cairn__purge_due, memory_order_relaxed)))
        cairn__purge_attend();
}

/* From now on so much free touched memory is kept, whatever the options say; 0: no more. */
void cairn__purge_reserve(size_t units);

/* Free memory goes back only when it is asked for: nothing that is in memory is to leave it. */
bool cairn__purge_is_unwanted(void);

/* A thread has ended. What waits in parked heaps counts as in use: it is little. */
void cairn__purge_after_thread(void);

/*
 * What heaps hold for later goes to the pool or the depot: rows of large blocks, and pages of heaps
 * that have no thread. For when memory is out. True if there was anything. Locks: registry and above.
 */
bool cairn__purge_collect(void);

/* Everything, at once, what was reserved too. True if there was anything. */
bool cairn__purge_all(void);

void cairn__purge_in_child(void);

#endif
