/* SPDX-License-Identifier: MIT */
/*
 * A recording summed up, in one pass and with memory for its stacks and its live blocks only: what
 * each call stack allocated, how much of it was live at the peak, was never freed, or was freed
 * again at once; how the whole went over time; sizes and lifetimes. From it come the report, the
 * difference of two, and the exports.
 */
#ifndef CAIRN_TOOLS_PROFILE_PROFILE_H
#define CAIRN_TOOLS_PROFILE_PROFILE_H

#include "trace/event.h"
#include "trace/reader.h"

/* Of one stack alone, without those that go on from it. A realloc is a free and an allocation. */
struct profile_sums {
    uint64_t blocks, bytes;           /* allocated in all */
    uint64_t live_blocks, live_bytes; /* at the end: never freed */
    uint64_t peak_blocks, peak_bytes; /* live when the whole was at its peak */
    uint64_t temporary;               /* blocks whose thread freed them before it allocated again */
    uint64_t own_peak_bytes;          /* the most that was ever live of this stack */
    uint64_t lifetime;                /* nanoseconds, the sum over the blocks that were freed */
    uint64_t largest;                 /* bytes */
    uint64_t freed;                   /* blocks */
    uint64_t lasted;                  /* nanoseconds, the sum over the others: until they were left
                                         behind, or the end */
};

/* Of one process alone. One that executes another program is another process from then on. */
struct profile_process {
    uint64_t blocks, bytes;           /* allocated in all */
    uint64_t peak_blocks, peak_bytes; /* when most of it was live */
    uint64_t live_blocks, live_bytes; /* at the end: never freed */
    uint64_t left_blocks, left_bytes; /* of these, what it left behind when it ended */
};

/* A moment: of equal distance in time, 512 to 1023 of them, the last one the end. */
struct profile_moment {
    double seconds;
    uint64_t blocks, bytes; /* live then */
    uint64_t high;          /* most live bytes since the moment before */
    uint64_t allocations;   /* since the beginning */
};

/* Log-linear bins: 0, 1, … 15, then 8 to a doubling; profile_bin_* say the bounds. */
enum { PROFILE_BINS = 16 + 8 * 60 };

struct profile {
    struct trace_reader *reader; /* for its tables; at its end */
    const char *path;            /* of the file */
    const char *damage;          /* NULL, or why it was not read to its end */
    struct profile_sums whole;   /* of all stacks */
    struct profile_sums *stacks; /* by node, trace_nodes(reader) of them */
    struct profile_moment *moments;
    size_t moment_count;
    uint64_t events, frees, reallocs, failed, unknown_frees;
    double seconds;      /* from the first to the last event */
    double peak_seconds; /* when the peak was */
    uint64_t size_blocks[PROFILE_BINS], size_bytes[PROFILE_BINS]; /* by size asked for */
    uint64_t life_blocks[PROFILE_BINS], life_bytes[PROFILE_BINS]; /* by lifetime, nanoseconds */
    struct profile_thread {
        uint64_t allocations, bytes, frees;
        uint64_t foreign_frees;        /* of blocks that another thread allocated */
    } * threads;                       /* by index, trace_threads(reader) of them */
    struct profile_process *processes; /* by index, trace_processes(reader) of them */
    bool one_process;                  /* all this is of `process` alone */
    uint32_t process;
    uint64_t suppressed_blocks, suppressed_bytes; /* never freed, but left out of it: see
                                                     suppressions.h */
    struct profile_page *pages; /* of the address space at the peak, by address: those with blocks,
                                   of the process that had the most bytes then */
    size_t page_count;
    uint32_t page_process; /* that process */
};

/* Like neighbours are one: `count` pages from `number` (the address / 4096), each with `bytes`. */
struct profile_page {
    uint64_t number, count;
    uint32_t bytes; /* in live blocks, as asked for; at most 4096 */
};

unsigned profile_bin(uint64_t value);
uint64_t profile_bin_from(unsigned bin);

struct profile_choice {
    bool all_processes; /* sums over the process tree; else of `process` alone */
    uint32_t process;
};

/* Reads the trace at `path`, with progress on a terminal. False after a message; damage is none. */
bool profile_read(struct profile *profile, const char *path, const struct profile_choice *choice);
void profile_fini(struct profile *profile);

/* How many processes allocated anything. */
uint32_t profile_processes(const struct profile *profile);

#endif
