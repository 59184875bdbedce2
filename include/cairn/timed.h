/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as its source. Measures how long each call of a source takes, and tells the
 * distribution: an allocator is judged by its slowest calls as much as by its usual ones. Times go
 * to histograms with buckets that are a power of two cut into 32 equal parts, so a figure is at
 * most 1/32 (3 %) above the truth, from 1 ns to 18 minutes (log-linear buckets: G. Tene,
 * HdrHistogram, 2012).
 *
 * The clock is clock_gettime(CLOCK_MONOTONIC), read before and after each call: ordered, in
 * nanoseconds and equal on all processors, which the bare counter of a processor (rdtsc) is only
 * together with the instructions that make it cost about as much. Reading it twice takes 30 to 60 ns
 * where the kernel lets programs read its counter; about half of that is in each figure, and
 * cairn_timed_clock_cost tells how much on this machine. Counting adds one atomic addition, in one of
 * 16 sets of histograms by thread, so that threads seldom meet.
 */
#ifndef CAIRN_TIMED_H
#define CAIRN_TIMED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cairn_timed_op {
    CAIRN_TIMED_ALLOC,
    CAIRN_TIMED_ALLOC_ZEROED,
    CAIRN_TIMED_REALLOC,
    CAIRN_TIMED_DEALLOC,
    CAIRN_TIMED_OPS /* how many there are */
} cairn_timed_op;

typedef struct cairn_timed_opts {
    /* For the histograms, 36 KiB for each of at most 16 sets, when first used: the call that needs
     * one waits for it, after its time was taken. {NULL, NULL}: cairn_system(). As thread-safe as
     * the source, and neither the timed itself nor what draws from it. */
    cairn_allocator records;
} cairn_timed_opts;

/* In nanoseconds, but for calls. All 0 if there were no calls. */
typedef struct cairn_timed_stats {
    uint64_t calls;
    uint64_t p50, p90, p99, p9999; /* so many in 100 (p9999: 9,999 in 10,000) took no longer */
    uint64_t max;                  /* exact */
} cairn_timed_stats;

#define CAIRN_TIMED_SETS 16 /* histograms, at most; threads share them */

/* In the caller's storage; all fields are private. */
typedef struct cairn_timed {
    cairn_allocator source;
    cairn_allocator records;
    uint64_t clock_cost;
    struct cairn__timed_set *sets[CAIRN_TIMED_SETS];
} cairn_timed;

/*
 * source {NULL, NULL}: cairn_system(). opts NULL: the defaults. False if there is no memory for the
 * first histograms; nothing is held then. Reads the clock some hundred times.
 */
bool cairn_timed_init(cairn_timed *timed, cairn_allocator source, const cairn_timed_opts *opts);

/* Gives back the histograms. Blocks stay with the source. */
void cairn_timed_fini(cairn_timed *timed);

/* All ops; owns if the source can tell. owns and usable_size are not timed. Calls that fail are,
 * like others. */
cairn_allocator cairn_timed_allocator(cairn_timed *timed);

/*
 * The figures of one op so far. op out of range: all 0. Any thread; calls under way may be counted
 * or not. O(1): 1,152 buckets in up to 16 sets.
 */
void cairn_timed_stats_get(const cairn_timed *timed, cairn_timed_op op, cairn_timed_stats *stats);

/*
 * The time in nanoseconds that `percent` of the calls took at most; 100 and more: the longest. Below
 * 0, or no number: as 0, the shortest. No calls, or op out of range: 0.
 */
uint64_t cairn_timed_percentile(const cairn_timed *timed, cairn_timed_op op, double percent);

/* What a time consists of when the call does nothing: the shortest distance between two readings
 * of the clock that init saw, in nanoseconds. It is not subtracted from any figure. */
uint64_t cairn_timed_clock_cost(const cairn_timed *timed);

/* Calls visit for each bucket that has calls, shortest first: they took from `from` to `to`
 * nanoseconds, both included. False: visit stopped it by returning false. */
bool cairn_timed_buckets(const cairn_timed *timed, cairn_timed_op op,
                         bool (*visit)(void *context, uint64_t from, uint64_t to, uint64_t calls),
                         void *context);

/*
 * A line for each op that was called, each in one call of write; write NULL: on stderr.
 *     alloc: 1000 calls, p50 41 ns, p90 43 ns, p99 95 ns, p99.99 8123 ns, max 8123 ns
 */
void cairn_timed_report(const cairn_timed *timed,
                        void (*write)(void *context, const char *bytes, size_t count),
                        void *context);

/* Forgets all calls so far. Any thread; calls under way may be counted before or after. */
void cairn_timed_reset(cairn_timed *timed);

/* NULL, or what is wrong with the histograms. No other thread may be inside a call. */
const char *cairn_timed_audit(const cairn_timed *timed);

#ifdef __cplusplus
}
#endif

#endif
