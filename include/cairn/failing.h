/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as its source. Makes requests fail on a schedule, to test what a program does
 * without memory: the n-th, each n-th, all from the n-th on, some at random, the large ones. What
 * does not fail goes to the source. A failing wrapper costs one atomic addition a request.
 *
 * Requests are numbered from 1 since the schedule was armed. What counts as one: alloc,
 * alloc_zeroed, and realloc to a larger size. dealloc cannot fail, and realloc to the same or a
 * smaller size counts only if `shrinks` says so. A request that fails, here or in the source, has
 * its number too.
 *
 * To put a function through every failure that it can meet:
 *     size_t n = 0;
 *     do {
 *         cairn_failing_opts schedule = {.at = ++n};
 *         cairn_failing_arm(&failing, &schedule);
 *         function(cairn_failing_allocator(&failing));
 *     } while (cairn_failing_failures(&failing) > 0);
 */
#ifndef CAIRN_FAILING_H
#define CAIRN_FAILING_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A request fails if any of these says so. 0 each: none does. */
typedef struct cairn_failing_opts {
    size_t at;          /* the number of the one that fails */
    size_t every;       /* those whose number is a multiple of this */
    size_t from;        /* the one with this number, and all later ones */
    size_t larger_than; /* those for more bytes than this */

    /*
     * Each with this probability, 0 to 1, in steps of 2^-31; more is 1, less, or no number, is 0.
     * Which ones depends on seed and number alone, so a run can be repeated. The method is
     * splitmix64 (Steele, Lea and Flood, 2014).
     */
    double probability;
    size_t seed;

    bool shrinks; /* realloc to the same or a smaller size is a request, too */
} cairn_failing_opts;

/* In the caller's storage; all fields are private. */
typedef struct cairn_failing {
    cairn_allocator source;
    size_t at, every, from, larger_than, seed;
    uint32_t chance; /* of 2^31 */
    uint32_t shrinks;
    size_t requests, failures; /* since armed */
} cairn_failing;

/* source {NULL, NULL}: cairn_system(). opts NULL: nothing fails until it is armed. Cannot fail. */
void cairn_failing_init(cairn_failing *failing, cairn_allocator source,
                        const cairn_failing_opts *opts);

/* Nobody may use it any more; blocks stay with the source. */
void cairn_failing_fini(cairn_failing *failing);

/* All ops; owns if the source can tell. */
cairn_allocator cairn_failing_allocator(cairn_failing *failing);

/*
 * A new schedule; the next request is number 1, and there have been no failures. opts NULL: nothing
 * fails. Any thread, though a request that is under way in another one meanwhile is decided by the
 * old schedule, the new one or some of each, and may or may not be counted.
 */
void cairn_failing_arm(cairn_failing *failing, const cairn_failing_opts *opts);

/* Requests since it was armed, and how many of them failed here. */
size_t cairn_failing_requests(const cairn_failing *failing);
size_t cairn_failing_failures(const cairn_failing *failing);

/* NULL, or what is wrong with its fields. No other thread may be inside a call. O(1). */
const char *cairn_failing_audit(const cairn_failing *failing);

#ifdef __cplusplus
}
#endif

#endif
