/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as its source. Counts what goes through a source, and knows each live block and
 * the calls that led to it: figures, a leak report by call site, and assertions for tests ("no more
 * than 10 requests and 4096 bytes at peak in this section"). Bytes are those asked for.
 *
 * Records are kept in hash tables outside the blocks, the same call stack once for all blocks. The
 * call stack is found by the tables that exceptions use, not along frame pointers, which compilers
 * leave out; it ends where there are none, as in code that was made at run time, and may be wrong where
 * a library was unloaded since the init and another lies in its place. A pair of alloc and dealloc
 * costs, beside the source, five atomic additions for the figures (60 ns, measured), two locks for the
 * record (140 ns in all, the caller alone) and some 10 ns a frame for what more of the call stack is
 * wanted. A record takes 24 bytes in tables that are a third to three quarters full, a call stack 56
 * and 8 a frame.
 *
 * For a fork in a process with several threads see cairn_counted_acquire.
 */
#ifndef CAIRN_COUNTED_H
#define CAIRN_COUNTED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_counted_opts {
    /* For the records. {NULL, NULL}: cairn_system(). As thread-safe as the source, and neither the
     * counted itself nor what draws from it. */
    cairn_allocator records;
    bool no_records; /* the figures alone: no report, nothing to visit */
    unsigned frames; /* of each call stack. 0: 8; 1: the caller alone; more than 32: 32 */
} cairn_counted_opts;

#define CAIRN_COUNTED_SIZES 64 /* of cairn_counted_stats.sizes */

typedef struct cairn_counted_stats {
    size_t live_blocks, live_bytes; /* in use now */
    size_t peak_blocks, peak_bytes; /* the most at one time */

    size_t allocations;       /* blocks made: allocations = live_blocks + deallocations */
    size_t deallocations;     /* blocks ended */
    size_t resized_in_place;  /* successful reallocs that returned the same address */
    size_t resized_and_moved; /* or another */
    size_t failures;          /* requests that the source answered with NULL */
    size_t unrecorded;        /* live blocks without a record, for which there was no memory */

    /* Successful requests (allocations and resizes) by the size asked for: sizes[k] for more than
     * 2^(k-1) and at most 2^k bytes; sizes[0] for 0 and 1. Their sum is the number of requests. */
    size_t sizes[CAIRN_COUNTED_SIZES];
} cairn_counted_stats;

/* What happened between two points of a program. The fields below the line are private. */
typedef struct cairn_counted_section {
    size_t requests;                   /* allocations and resizes that succeeded */
    size_t peak_blocks, peak_bytes;    /* the most that was live beyond what was at its beginning */
    ptrdiff_t left_blocks, left_bytes; /* live at its end less live at its beginning */
    /* ---- */
    struct cairn_counted_section *outer;
    size_t requests_before, blocks_before, bytes_before;
    size_t most_blocks, most_bytes;
} cairn_counted_section;

/* In the caller's storage; all fields are private. */
typedef struct cairn_counted {
    cairn_allocator source;
    struct cairn__sites *sites;                 /* the records; NULL: none */
    unsigned frames;                            /* of a call stack */
    cairn_counted_section *section;             /* the innermost, under the lock */
    size_t ended_most_blocks, ended_most_bytes; /* peaks before now.peak_* were last lowered */
    uint32_t lock;
    cairn_counted_stats now;
} cairn_counted;

/*
 * source {NULL, NULL}: cairn_system(). opts NULL: the defaults. False if there is no memory for the
 * tables (70 KiB); nothing is held then. May load the unwinder, which calls malloc.
 */
bool cairn_counted_init(cairn_counted *counted, cairn_allocator source,
                        const cairn_counted_opts *opts);

/* Gives back the records. Blocks stay with the source; returns how many were live. O(call sites). */
size_t cairn_counted_fini(cairn_counted *counted);

/* All ops; owns if the source can tell. A lack of memory for records is never the caller's: the
 * block is counted, and has no call site. */
cairn_allocator cairn_counted_allocator(cairn_counted *counted);

/* The figures of this instant; they fit each other when no other thread is inside a call. */
void cairn_counted_stats_get(const cairn_counted *counted, cairn_counted_stats *stats);

/*
 * The live blocks by call site, most bytes first, each call of write a line or lines in whole:
 *     3 blocks, 192 bytes in 1 places
 *     3 blocks, 192 bytes: prog+0x11d3 (parse+0x23) < prog+0x124f (main+0x5f)
 * from the allocating function outwards; each address lies in the call, for addr2line -e prog
 * 0x11d3. The name is that of the dynamic symbol below it, which another function's may be if its
 * own is not exported (link with -rdynamic). A block belongs to the call that last resized it.
 * Returns the number of live blocks. No lock of the ops is held while write runs; it must not
 * report itself. write NULL: on stderr. O(blocks + sites log sites), allocates nothing.
 */
size_t cairn_counted_report(const cairn_counted *counted,
                            void (*write)(void *context, const char *bytes, size_t count),
                            void *context);

/* The same, to a file descriptor. What cannot be written is dropped. */
size_t cairn_counted_report_to(const cairn_counted *counted, int file);

/*
 * Begins a section; it must stay where it is until it ends. Sections may lie in each other or
 * overlap, in any threads; what all threads do counts. Their figures are exact if at their beginning
 * and end no other thread is inside a call.
 */
void cairn_counted_begin(cairn_counted *counted, cairn_counted_section *section);

/* Ends it, and fills in its figures. False if it is none that has begun here and not ended. */
bool cairn_counted_end(cairn_counted *counted, cairn_counted_section *section);

/*
 * Whether an ended section made at most so many requests, and had at most so many bytes live at
 * peak; SIZE_MAX: any number. What it was, and what was expected, goes to text as a line without a
 * newline, terminated, cut to size bytes; NULL with 0 for none.
 *     5 requests (at most 4), 300 bytes at peak (at most 1000), 1 blocks and 20 bytes left
 */
bool cairn_counted_expect(const cairn_counted_section *section, size_t max_requests,
                          size_t max_peak_bytes, char *text, size_t size);

/* Holds all its locks, and lets them go: before a fork, and after it in both processes. Meanwhile
 * this thread must not use it. */
void cairn_counted_acquire(cairn_counted *counted);
void cairn_counted_release(cairn_counted *counted);

/* Calls visitor for each live block that has a record. A lock is held: it must not use the counted.
 * True: it saw all live blocks. */
bool cairn_counted_visit(const cairn_counted *counted, cairn_visitor *visitor, void *context);

/* NULL, or what is wrong. No other thread may be inside a call. O(blocks). */
const char *cairn_counted_audit(const cairn_counted *counted);

#ifdef __cplusplus
}
#endif

#endif
