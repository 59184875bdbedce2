/* SPDX-License-Identifier: MIT */
/*
 * The suite of `cairn bench`: its rows, in the order in which they are run. To add a workload, add
 * bench/workloads/NAME.c and a row in suite.c; for a real program, bench/programs/NAME.sh and a row.
 */
#ifndef CAIRN_TOOLS_BENCH_SUITE_H
#define CAIRN_TOOLS_BENCH_SUITE_H

#include <stddef.h>

enum suite_kind {
    SUITE_WORKLOAD, /* a program of the suite's own: libexec/cairn/bench/NAME */
    SUITE_PROGRAM,  /* a real one; programs/NAME.sh makes its input and tells how to start it */
    SUITE_REPLAY,   /* a trace of a real one, through `cairn replay`; found, not listed here */
    SUITE_KINDS,
};

/* What a row is for, beside the means; bits. */
enum {
    SUITE_TIMELESS = 1, /* it runs for a fixed time: only its own figures and its memory count */
    SUITE_WEB = 2,      /* --web */
    SUITE_LATENCY = 4,  /* --latency */
    SUITE_CHOICE = 8,   /* --table takes a column from it */
};

struct suite_row {
    const char *name;
    enum suite_kind kind;
    unsigned flags;
    const char *threads; /* of the program at once */
    const char *shows;   /* what it is about, in a few words */
};

extern const char *const suite_kinds[SUITE_KINDS];
extern const struct suite_row suite_rows[];
extern const size_t suite_count;

/* A row of the table by which people choose: a figure that a workload tells of itself. */
struct suite_choice {
    const char *title;
    const char *row;
    const char *figure;  /* of its own; NULL: peak RSS */
    const char *divisor; /* another one to divide by, or NULL */
};

extern const struct suite_choice suite_choices[];
extern const size_t suite_choice_count;

#endif
