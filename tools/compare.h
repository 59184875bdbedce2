/* SPDX-License-Identifier: MIT */
/*
 * A comparison: one program under several allocators, in rounds. Each round runs it once under
 * each, in an order of its own, so that whatever the machine does in the meantime meets all of
 * them; what is said about two allocators is made of pairs from the same round.
 */
#ifndef CAIRN_TOOLS_COMPARE_H
#define CAIRN_TOOLS_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "allocators.h"
#include "input.h"
#include "program.h"
#include "spawn.h"
#include "statistics.h"

enum { FIGURES_SAID = 1024 };

/* One run of the program. */
struct figures {
    bool done, good;   /* good: it ended as it should, and its figures count */
    unsigned position; /* in the order of its round, from 0 */
    double wall, user, system;
    long long peak_rss, minor_faults, major_faults;
    int exit_code, signal;
    long long instructions;       /* in user mode; -1: not known */
    uint64_t digest, output_size; /* of what it wrote to stdout */
    char said[FIGURES_SAID];      /* the last line of it, if the comparison keeps that */
};

/* Those that are not known in every run (or on this machine) have intervals of no values. */
enum metric { METRIC_TIME, METRIC_CPU, METRIC_RSS, METRIC_FAULTS, METRIC_INSTRUCTIONS, METRICS };

/* One allocator of the comparison. */
struct entrant {
    const struct allocator *allocator;
    char *preload, **environment;
    struct figures *runs; /* by round; warm-up rounds come first */
    bool verified;      /* it was seen at work: tried out, and for Cairn the program itself told */
    char *failure_note; /* of the first run that failed: what it said last on stderr; or NULL */

    /* made by compare_summarize: */
    size_t good, failed; /* measured runs; runs that failed, warm-up included */
    size_t differing;    /* runs whose output is not the baseline's */
    const struct figures *first_failure;
    struct interval values[METRICS];
    struct interval ratios[METRICS]; /* to the baseline, from pairs */
};

struct comparison {
    /* what is asked for */
    char *const *argv;
    const char *invocation; /* the whole command line, for records */
    const char *again;      /* the same with more rounds */
    unsigned rounds, warm_ups;
    uint64_t seed;
    bool ignore_exit; /* a non-zero exit code is no failure */
    bool verbose;
    int show_output; /* where the first run's outputs go; -1: nowhere */
    const struct program *program;

    /* for one comparison among many; all may be 0 */
    const char *label;  /* put before progress */
    double seconds;     /* no round begins that is likely to end later than this after the first */
    double run_seconds; /* a run that takes longer is killed and counts as failed */
    bool drop_failed;   /* who has failed once is not run again */
    bool keep_output;   /* the last line of each run's stdout is kept in `said` */

    /* who takes part */
    struct entrant *entrants;
    size_t count, baseline;
    const struct allocator_list *all; /* also those that could not be loaded */

    /* what came of it */
    unsigned rounds_done; /* complete ones, without warm-up */
    int interrupted;      /* the signal, or 0 */
    double load;          /* of the machine, before */
    bool output_varies;   /* the baseline's own output is not always the same */
};

enum { COMPARE_DONE, COMPARE_ALL_FAILED, COMPARE_BROKEN };

/*
 * The allocators that `words` ask for, the baseline among them; Cairn's library (`library`, or where
 * it is looked for) is wanted only if it is one of them. False after a message.
 */
bool compare_choose(const char *words, const char *baseline, const char *library,
                    struct allocator_list *selected);

/* Makes entrants of those in the list that can be loaded; and undoes it. False after a message. */
bool compare_enter(struct comparison *comparison, const struct allocator_list *list,
                   const char *baseline);
void compare_leave(struct comparison *comparison);

/* Runs the rounds. COMPARE_BROKEN, with `*exit_code`, comes after a message. */
int compare_rounds(struct comparison *comparison, struct spawner *spawner, struct input *input,
                   int *exit_code);

void compare_summarize(struct comparison *comparison);

/* `a` in terms of `b`: the median of the ratios of their runs, round by round. */
struct interval compare_ratio(const struct comparison *comparison, const struct entrant *a,
                              const struct entrant *b, enum metric metric);

/* The entrant with the smallest median, or NULL if nobody was measured. */
const struct entrant *compare_least(const struct comparison *comparison, enum metric metric);

/* What the figures say, in one to four sentences. Freed by the caller. */
char *compare_verdict(const struct comparison *comparison);

void compare_print(const struct comparison *comparison, FILE *to, bool color);
void compare_print_json(const struct comparison *comparison, FILE *to);
/* The first two lines of a CSV: the command; the machine, and when. */
void compare_print_origin(const char *invocation, double load, uint64_t seed, FILE *to);
void compare_print_csv(const struct comparison *comparison, FILE *to);

#endif
