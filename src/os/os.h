/* SPDX-License-Identifier: MIT */
/*
 * The seam to the operating system: everything that Cairn ever asks of a kernel or of the C
 * library's thread support. One implementation a system (linux.c), and a fake one for tests that
 * fails on request. Sizes are bytes and multiples of the OS page size; `align` is a power of two.
 * No call allocates, none touches errno, each may be called from any thread.
 */
#ifndef CAIRN_OS_OS_H
#define CAIRN_OS_OS_H

#include "base/config.h"

/* ---- memory ---- */

/* Address space without memory behind it: no access, not accounted. NULL if there is none. */
void *cairn__os_reserve(size_t size, size_t align);

/* False: so much address space cannot be had (and not for other reasons, such as locked memory). */
bool cairn__os_can_reserve(size_t size);

/* Makes [ptr, ptr + size) of a reservation readable and writable; fresh memory reads as zero. */
bool cairn__os_commit(void *ptr, size_t size);

/* From now on, until it is committed again, it can only be read, or not even that. */
bool cairn__os_restrict(void *ptr, size_t size, bool readable);

/* Asks for transparent huge pages in a reservation, committed or not, or for none. A hint. */
void cairn__os_advise_huge(void *ptr, size_t size, bool huge);

/* Readable, writable, zero memory of its own. NULL when out of memory. */
void *cairn__os_map(size_t size, size_t align);

/* Gives the memory back and keeps the range. True if it reads as zero from now on. */
bool cairn__os_purge(void *ptr, size_t size);

/*
 * Gives range and memory back, of all or a part of what was reserved or mapped. False: the range is as
 * it was, but for what it held (it was purged if that worked).
 */
bool cairn__os_release(void *ptr, size_t size);

/* Resizes a mapping made by cairn__os_map where it lies; a grown part reads as zero. */
bool cairn__os_resize(void *ptr, size_t old_size, size_t new_size);

/*
 * Moves a mapping, resized, onto a reservation of new_size bytes, without copying. False: the mapping
 * is as it was, and the reservation is given up: the system may have dropped it before it failed, and
 * others may be there by now.
 */
bool cairn__os_move(void *ptr, size_t old_size, void *target, size_t new_size);

/*
 * Takes all access from a range that was committed or mapped, and gives what it held back; and lets it
 * be accessed again, as zeros. It costs no mapping (Linux 6.13: MADV_GUARD_INSTALL). False: that is
 * not to be had here, and the range is as it was.
 */
bool cairn__os_guard(void *ptr, size_t size);
bool cairn__os_unguard(void *ptr, size_t size);

/* memset to zero, by the C library: not by a memset of ours that looks at what it is told. */
void cairn__os_clear(void *ptr, size_t size);

/* ---- what the machine and its limits are ---- */

/* Bytes that nobody can foresee; where the system has none to give yet, what little there is. */
void cairn__os_random(void *bytes, size_t size);

size_t cairn__os_page_size(void);
/* How many mappings a process may have, about. */
size_t cairn__os_mappings_max(void);
/* The soft limit on the process's address space (RLIMIT_AS); SIZE_MAX if there is none. */
size_t cairn__os_address_limit(void);
/* The value of an environment variable; NULL if unset, or if the process runs set-user-id. */
const char *cairn__os_environment(const char *name);
/* All of it: NAME=value, ended by NULL; NULL as above, and before there is one. */
const char *const *cairn__os_environment_all(void);
int cairn__os_process_id(void);
/* The program's file, cut to size, not terminated; its length, 0 if it cannot be told. */
size_t cairn__os_program(char *name, size_t size);

/* Milliseconds of a clock that only goes forward; cheap, and exact to a few of them. */
uint64_t cairn__os_now(void);

/* The NUMA node of the processor that runs this thread, at this moment; 0 if it cannot be told. */
unsigned cairn__os_node(void);

/* ---- threads ---- */

/* Sleeps while *word == expected; may wake for no reason. */
void cairn__os_wait(uint32_t *word, uint32_t expected);
void cairn__os_wake_one(uint32_t *word);
void cairn__os_sleep(uint64_t milliseconds);

/*
 * Runs a function in a thread of its own, which nobody waits for and which no signal is delivered
 * to; its stack is small. It allocates, in the calling thread.
 */
bool cairn__os_start_thread(void (*run)(void));

/*
 * hook(value) runs when a thread that has set a value (not NULL) ends; the value is cleared first.
 * A hook may set it again, and is then called once more, up to CAIRN__OS_EXIT_ROUNDS times.
 * (ThreadSanitizer forgets the thread in the last round: there, once less.)
 */
#define CAIRN__OS_EXIT_ROUNDS (CAIRN_TSAN ? 3 : 4)
bool cairn__os_on_thread_exit(void (*hook)(void *value));
bool cairn__os_set_exit_value(void *value);

/* prepare runs before a fork in the forking thread, then parent and child in their processes. */
bool cairn__os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/*
 * The C library's list of open streams: fork takes it before its own work, and whoever holds it may
 * wait for a stream whose holder waits for us; so we take it before our locks.
 */
void cairn__os_lock_streams(void);
void cairn__os_unlock_streams(bool in_child);

/* ---- last words ---- */

void cairn__os_print_error(const char *bytes, size_t count);
/* One write, appended to a file that exists already. */
void cairn__os_append(const char *path, const char *bytes, size_t count);
_Noreturn void cairn__os_abort(void);

#endif
