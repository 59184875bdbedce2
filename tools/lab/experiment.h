/* SPDX-License-Identifier: MIT */
/*
 * An experiment: a list of calls played on one allocator, and what was seen on the way. Figures are
 * taken at moments of equal distance in calls, the last one after the last call; of each there is
 * the mean over these moments, the worst, and that of the end.
 */
#ifndef CAIRN_TOOLS_LAB_EXPERIMENT_H
#define CAIRN_TOOLS_LAB_EXPERIMENT_H

#include "lab/map.h"
#include "lab/metrics.h"
#include "lab/ops.h"
#include "lab/pattern.h"

/* What is the same for all allocators of a table. */
struct experiment_plan {
    struct pattern_request pattern;
    struct ops ops;
    size_t region;    /* bytes; 0: it may grow */
    uint64_t probe;   /* bytes of the large request */
    uint64_t samples; /* moments, at most */
    size_t frames;    /* pictures, at most; 0: none */
    bool audit;       /* after every call */
};

struct experiment_sample {
    size_t at; /* calls played */
    struct metrics metrics;
};

struct experiment_frame {
    size_t at;
    struct map map;
};

struct experiment {
    char name[48];
    struct experiment_sample *samples;
    size_t count;
    struct metrics mean, worst; /* worst: NAN where neither more nor less is better */
    size_t worst_at[METRICS];   /* calls played */
    struct experiment_frame *frames;
    size_t frame_count;
    size_t first_failure; /* the call, from 1; 0: none */
    bool tells_free;      /* the allocator says what is free */
    bool is_empty;        /* it could not begin: there is one sample, of nothing known */
};

/* The calls are there already: fills in what was left open (region: SIZE_MAX, probe: UINT64_MAX). */
void experiment_settle(struct experiment_plan *plan);

/* An allocator that cannot begin in its region is empty, after a message. False after a message: it
 * broke its contract. */
bool experiment_run(struct experiment *experiment, const struct experiment_plan *plan,
                    const struct subject_choice *choice);

void experiment_fini(struct experiment *experiment);

/* Of the samples: the last one's figures. */
const struct metrics *experiment_end(const struct experiment *experiment);

#endif
