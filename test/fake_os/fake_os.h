/* SPDX-License-Identifier: MIT */
/*
 * A hostile operating system: src/os/os.h for tests, linked in the place of linux.c. Memory is real
 * (mmap), but each call is counted, may be made to fail, and is checked against the contract: a
 * breach ends the process with a message. What is reserved, committed and mapped is on record.
 *
 * A fresh process has OS pages of CAIRN_TEST_PAGE_SIZE bytes (of its real environment; 4 KiB if that
 * is unset), no limits, CAIRN_WINDOW=1G as its whole environment, a clock that stands still, and no
 * threads but those that the test starts itself.
 */
#ifndef TEST_FAKE_OS_H
#define TEST_FAKE_OS_H

#include "os/os.h"

enum fake_call {
    FAKE_RESERVE,
    FAKE_COMMIT,
    FAKE_MAP,
    FAKE_PURGE,
    FAKE_RELEASE,
    FAKE_RESIZE,
    FAKE_MOVE,
    FAKE_ON_THREAD_EXIT,
    FAKE_SET_EXIT_VALUE,
    FAKE_ON_FORK,
    FAKE_START_THREAD,
    FAKE_ANY, /* as an argument: every kind but PURGE and START_THREAD, which go by the clock */
    FAKE_CALLS
};

/* ---- failing ---- */

/* The nth call of the kind from now on fails, once; 1 is the next. */
void fake_fail_nth(enum fake_call call, size_t nth);
/* From the nth on all of them fail. */
void fake_fail_from(enum fake_call call, size_t nth);
/* Calls fail for which the predicate says so; NULL: none. It is called under the fake's lock. */
void fake_fail_if(bool (*refuse)(enum fake_call call, size_t size));
/* All works again; limits stay. */
void fake_fail_never(void);

/* Calls of the kind so far, those that failed included. */
size_t fake_count(enum fake_call call);
/* Calls that were made to fail so far. */
size_t fake_failures(void);

/* ---- pretending ---- */

void fake_set_page_size(size_t size);
/* What cairn__os_address_limit says, and reserve and map keep to. */
void fake_set_address_limit(size_t limit);
/* As above, and said to nobody (as if it had been set after the start). */
void fake_set_hidden_address_limit(size_t limit);
/* Committed and mapped bytes: more is refused. */
void fake_set_memory_limit(size_t limit);
/* value NULL: unset. The strings must stay. */
void fake_set_environment(const char *name, const char *value);

/* Runs once, in the next call that advises about huge pages. */
void fake_on_advise(void (*hook)(void));

/* Moves the clock on; it also moves by what is slept. */
void fake_pass_time(uint64_t milliseconds);
/* The NUMA node of the calling thread from now on; 0 at first. */
void fake_run_on_node(unsigned node);

/* From now on cairn__os_start_thread starts threads. Sleeping takes a thousandth of its time. */
void fake_allow_threads(void);
/* Those that are running now. */
size_t fake_threads(void);

/* ---- looking ---- */

struct fake_figures {
    size_t reserved;  /* bytes in reservations */
    size_t committed; /* of these accessible */
    size_t mapped;    /* bytes in mappings of their own */
    size_t ranges;    /* reservations and mappings */
    size_t lost;      /* bytes of ranges whose release was made to fail; counted above too */
};
struct fake_figures fake_figures(void);

bool fake_is_reserved(const void *ptr, size_t size);
/* Committed in whole, or in a mapping. */
bool fake_is_accessible(const void *ptr, size_t size);

/* What was printed as an error, and appended to files, so far; terminated. Nothing is written. */
const char *fake_errors(void);
const char *fake_appended(void);

#endif
