/* SPDX-License-Identifier: MIT */
/* What a trace holds, in figures: `cairn trace FILE`. */
#ifndef CAIRN_TOOLS_TRACE_SUMMARY_H
#define CAIRN_TOOLS_TRACE_SUMMARY_H

#include <stdio.h>

#include "trace/reader.h"

struct summary {
    uint64_t events, counts[TRACE_OPS];
    uint64_t failed;    /* allocations that failed */
    uint64_t unknown;   /* frees and reallocs of blocks that are not known */
    uint64_t requested; /* bytes, of all allocations; a realloc counts as one */
    uint64_t peak_blocks, peak_bytes;
    uint64_t left_blocks, left_bytes; /* not freed: at an end, an exec, or the end of the trace */
    uint64_t first_time, last_time;   /* nanoseconds */
    struct summary_process {
        uint64_t events;
    } * processes; /* by index, trace_processes of them */
    uint32_t process_count;
};

/* Reads the reader to its end. `only`: of that process alone; -1: of all. */
void summary_read(struct summary *summary, struct trace_reader *reader, long only);
void summary_fini(struct summary *summary);

void trace_summary_print(const struct summary *summary, const struct trace_reader *reader,
                         const char *path, FILE *to);
void trace_summary_json(const struct summary *summary, const struct trace_reader *reader,
                        const char *path, FILE *to);

#endif
