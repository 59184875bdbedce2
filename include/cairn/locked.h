/* SPDX-License-Identifier: MIT */
/*
 * Any thread, whatever the source is. One lock around a source that only one thread at a time may
 * use: an arena, a pool or a fit that threads share. The lock sleeps in the kernel when it has to
 * wait (U. Drepper, Futexes Are Tricky, 2011); alone it costs two atomic operations a call. What a
 * source leaves to its callers, to clear and to copy, is done outside the lock.
 *
 * The functions that only the source's kind has are called under the lock, too:
 *     cairn_locked_acquire(&locked);
 *     cairn_arena_reset(&arena);
 *     cairn_locked_release(&locked);
 *
 * Not for signal handlers. After a fork in a process with several threads, the lock may be held in
 * the child by a thread that is not there; cairn_locked_acquire before fork and
 * cairn_locked_release after it, in both processes, prevent that.
 */
#ifndef CAIRN_LOCKED_H
#define CAIRN_LOCKED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the caller's storage; all fields are private. */
typedef struct cairn_locked {
    cairn_allocator source;
    uint32_t lock;
} cairn_locked;

/*
 * source: used by nobody else from now on, or only under the lock; {NULL, NULL}: cairn_system(). It
 * must not call this locked from within a call, which would wait for itself. Cannot fail.
 */
void cairn_locked_init(cairn_locked *locked, cairn_allocator source);

/* Nobody may use it any more; blocks stay with the source. Gives back nothing: there is nothing. */
void cairn_locked_fini(cairn_locked *locked);

/* All ops; owns if the source can tell. Errors are the source's. */
cairn_allocator cairn_locked_allocator(cairn_locked *locked);

/* Holds the lock, and lets it go. A thread that holds it must not acquire it again, nor call the
 * allocator: it would wait for itself. Only who holds it may release it. */
void cairn_locked_acquire(cairn_locked *locked);
void cairn_locked_release(cairn_locked *locked);

/* NULL, or what is wrong with its own fields; the source has an audit of its own. O(1). */
const char *cairn_locked_audit(const cairn_locked *locked);

#ifdef __cplusplus
}
#endif

#endif
