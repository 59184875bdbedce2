/* SPDX-License-Identifier: MIT */
/*
 * Lists of operations on a malloc (allocate, free, resize, by two threads, give memory back), into which
 * one corruption is put: the hardened malloc must end the process with a report, whenever it finds it, at
 * the exit at the latest. The same list without the corruption must come to its end, and every block
 * hold what was written to it.
 *
 * A list is bytes, and any bytes are a list, so that fuzzers can make them. Four come first: when (two),
 * which corruption, and how the run is to go: bit 0, whether all blocks are freed at the end; the
 * others are the program's. It runs in a process of its own, once: what went wrong stays wrong.
 */
#ifndef TEST_MISUSE_OPERATIONS_H
#define TEST_MISUSE_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The malloc; those of the second group may be NULL. */
struct functions {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *ptr, size_t size);
    void *(*aligned_alloc)(size_t align, size_t size);
    void (*free)(void *ptr);
    size_t (*usable_size)(void *ptr);
    void *(*memcpy)(void *to, const void *from, size_t count);
    void *(*memset)(void *to, int byte, size_t count);

    void (*free_sized)(void *ptr, size_t size);
    void *(*other_malloc)(size_t size); /* of another family */
    void (*other_free)(void *ptr);
    int (*trim)(size_t pad);
    void (*pass_time)(unsigned milliseconds);
};

struct list {
    const uint8_t *bytes;
    size_t length;
};

enum { LIST_WHEN, LIST_WHICH = 2, LIST_HOW, LIST_HEADER };

/* Where a run is: written by it, and read by who judges it, in memory that both share. */
enum moment { BEFORE, DURING, AFTER };

/* When a corruption must be found. */
enum found {
    AT_ONCE,      /* by the call that it is, whatever the settings and whichever the thread */
    AT_ONCE_FULL, /* the same, but not by CAIRN_HARDEN=fast, nor of sampled blocks */
    LATER,        /* at the exit at the latest, in a process of one thread */
};

const char *list_corruption(struct list list);
enum found list_found(struct list list);

/* Returns, if nothing stops it; or ends the process with code 9 where blocks do not hold what they
 * should. */
void list_run(struct list list, const struct functions *functions, bool corrupted,
              volatile enum moment *moment);

/* What is wrong with the end of such a process, its status and what it said on stderr; NULL: nothing. */
const char *list_fault(struct list list, bool corrupted, enum moment moment, int status,
                       const char *said);

#endif
