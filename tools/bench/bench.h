/* SPDX-License-Identifier: MIT */
/*
 * The suite under every allocator: a comparison (compare.h) for each program, one after the other, all
 * with the same entrants in the same order, and what comes of them together.
 *
 * bench_prepare.c finds out what is to be started, bench.c and bench_replay.c run, bench_judge.c makes ratios, the other
 * files tell.
 */
#ifndef CAIRN_TOOLS_BENCH_BENCH_H
#define CAIRN_TOOLS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/bench_options.h"
#include "bench/suite.h"
#include "compare.h"

enum bench_state {
    BENCH_WAITING, /* its turn has not come */
    BENCH_SKIPPED, /* it is not on this machine: `reason` */
    BENCH_FAILED,  /* under every allocator, or it could not be started: `reason` */
    BENCH_MEASURED,
};

/* A figure that the program tells of itself, under each entrant. */
struct bench_figure {
    char *key;
    struct interval *values; /* by entrant */
};

/* One program of the suite. */
struct bench_row {
    const struct suite_row *suite;
    char *settings; /* "pairs=100:live=20", from --only; or NULL */
    char **argv;
    char *words; /* what argv points into */
    struct program program;
    struct comparison comparison;
    enum bench_state state;
    char *reason; /* one line */

    /* made by bench_judge, by entrant */
    size_t fastest,
        smallest; /* of the peers: the virtual best; the number of entrants if none is */
    struct interval *time_ratios, *memory_ratios;
    struct bench_figure *figures;
    size_t figure_count;
};

struct bench {
    const struct bench_options *options;
    const char *invocation;
    char *const *argv;
    const char *folder; /* of the suite's files */
    char *work;         /* a temporary folder for inputs; made when it is needed */
    struct allocator_list list;
    struct bench_row *rows;
    size_t count;
    struct suite_row *traces; /* rows of the suite for the files there are; they belong to this */
    char **trace_files;
    size_t trace_count;

    /* The entrants of every comparison: names, and who makes the virtual best. */
    size_t entrants;
    const struct allocator **allocators;
    bool *peers;

    double load, seconds; /* of the machine before; how long all of it took */
    int interrupted;
    bool counted_instructions;
};

/* Where the suite's files are. NULL after a message. For free(). */
char *bench_folder(void);

/* The recorded traces among the suite's files; and undoes it. */
void bench_find_traces(struct bench *bench);
void bench_forget_traces(struct bench *bench);

/* How a trace is replayed, one word a line; and does it, all rounds. NULL or why not, for free(). */
char *bench_replay_words(const struct bench *bench, const struct bench_row *row, unsigned rounds);
char *bench_replay(struct bench_row *row, struct spawner *spawner);

/* Takes the rows that the options ask for. False after a message. */
bool bench_select(struct bench *bench);

unsigned bench_rounds(const struct bench *bench);

/* Finds out how the row's program is started; sets its state and reason if it cannot be. */
void bench_prepare(struct bench *bench, struct bench_row *row, struct spawner *spawner);

/* Removes the temporary folder. */
void bench_tidy(struct bench *bench);

/* What a row's comparison amounts to. */
void bench_judge(const struct bench *bench, struct bench_row *row);
void bench_row_fini(struct bench_row *row);

/* The row's figure of that key, or NULL. */
const struct bench_figure *bench_figure(const struct bench_row *row, const char *key);

/* Whether the row's times belong into means. */
bool bench_row_timed(const struct bench_row *row);

/* The measured row of that name, or NULL. */
const struct bench_row *bench_measured(const struct bench *bench, const char *name);

/* An entrant's geometric means over all rows, and how many rows these are of. */
struct bench_mean {
    double time, memory;
    double time_spread; /* a factor */
    size_t time_rows, memory_rows;
};
struct bench_mean bench_mean(const struct bench *bench, size_t entrant);

/* The cell of the table by which people choose; NaN if it was not measured. */
double bench_choice(const struct bench *bench, const struct suite_choice *choice, size_t entrant);

/* "jemalloc, mimalloc": who makes the virtual best. For free(). */
char *bench_peer_names(const struct bench *bench);

void bench_print(const struct bench *bench, FILE *to, bool color);
void bench_print_json(const struct bench *bench, FILE *to);
void bench_print_csv(const struct bench *bench, FILE *to);
void bench_print_list(const struct bench *bench, FILE *to);

#endif
