/* SPDX-License-Identifier: MIT */
/*
 * A replay: one plan under several allocators. Time is measured in rounds, each in an order of its
 * own, so that whatever the machine does in the meantime meets all of them; memory in one run more,
 * with checkpoints, whose time does not count.
 */
#ifndef CAIRN_TOOLS_REPLAY_REPLAY_H
#define CAIRN_TOOLS_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "allocators.h"
#include "replay/options.h"
#include "replay/plan_make.h"
#include "replayer/result.h"
#include "spawn.h"
#include "statistics.h"

enum replay_metric { REPLAY_TIME, REPLAY_CPU, REPLAY_PEAK, REPLAY_FAULTS, REPLAY_METRICS };

/* One run of the replayer for time. */
struct replay_run {
    bool good;
    double wall, cpu;
    uint64_t peak_rss, minor_faults, major_faults;
};

/* An allocator that takes part, or a stack of them. */
struct replay_entrant {
    char *name;
    char *library; /* to be preloaded; NULL: none */
    char *why_not; /* it could not be loaded, as the end of a sentence; NULL: it could */
    bool is_cairn, is_system;
    bool is_alone;     /* the replayer without any: how much of the time is its own */
    const char *stack; /* NULL: no stack */
    char *preload, *setting, **environment;
    struct replay_run *runs; /* by round */
    bool measured;           /* the memory run went well */
    bool knows_granted;
    struct result_sample *samples; /* of that run */
    size_t sample_count, peak;     /* peak: the sample with most bytes asked for */
    uint64_t rss_after, rss_before;
    char *failure; /* the first; then it takes no further part. NULL: none */

    /* made by replay_summarize */
    size_t good;
    struct interval values[REPLAY_METRICS];
    struct interval ratio; /* of times, to the best's */
};

struct replay_contest {
    const struct replay_options *options;
    const struct plan *plan;
    const char *trace;
    char *const *argv; /* the whole command */
    char *replayer;
    struct replay_entrant *entrants;
    size_t count;
    uint64_t base; /* bytes: RSS of the replayer with nothing to do, nothing preloaded */
    unsigned rounds_done;
    int interrupted; /* the signal, or 0 */
    double load;     /* of the machine, before */
    size_t best;     /* in time; count: nobody */
};

/* ---- rounds.c ---- */
/* Runs everything. False after a message if the tool itself failed. */
bool replay_rounds(struct replay_contest *contest, struct spawner *spawner);

/* ---- summary.c ---- */
void replay_summarize(struct replay_contest *contest);
bool replay_took_part(const struct replay_entrant *entrant); /* it has figures */
double replay_ns(const struct replay_contest *contest, const struct replay_entrant *entrant);
double replay_granted_ratio(const struct replay_entrant *entrant);
double replay_rss_ratio(const struct replay_entrant *entrant);
double replay_peak(const struct replay_entrant *entrant);
/* Means over the checkpoints, each with the same weight; bytes. */
double replay_mean_internal(const struct replay_entrant *entrant);
double replay_mean_external(const struct replay_entrant *entrant);

/* ---- print.c, record.c ---- */
void replay_print(const struct replay_contest *contest, FILE *to, bool color);
void replay_print_json(const struct replay_contest *contest, FILE *to);
void replay_print_csv(const struct replay_contest *contest, FILE *to);

#endif
