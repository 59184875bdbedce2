/* SPDX-License-Identifier: MIT */
/*
 * When free memory goes back to the system. What a program needed a moment ago it will need again in
 * a moment, so free touched memory up to the recent peak of what was in use stays; the rest goes. The
 * peak is looked at in steps of the option PURGE_DELAY.
 *
 * Who does it: in a process with several threads, a helper thread, which is there only as long as
 * there is something to give back; so memory comes back without a call. In a process with one thread,
 * that thread, at a later free; we start no second thread in a process that may be about to fork,
 * change its name space or lock itself in. In either, whoever frees beyond the limit does it at once.
 */
#ifndef CAIRN_CORE_PURGE_H
#define CAIRN_CORE_PURGE_H

#include "core/chunk.h"

/* Another thread allocates now: from here on a helper may be started. */
void cairn__purge_threads(void);

COLD void cairn__purge_attend(void);

/* To be called after anything that may have given units back, without locks and outside of edits. */
static inline void purge_attend(void)
{
    if (UNLIKELY(atomic_load_explicit(&cairn__purge_due, memory_order_relaxed)))
        cairn__purge_attend();
}

/* Everything, at once. True if there was anything. */
bool cairn__purge_all(void);

void cairn__purge_in_child(void);

#endif
