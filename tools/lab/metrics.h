/* SPDX-License-Identifier: MIT */
/*
 * The figures of an experiment, taken at one moment. Each is defined once, in a sentence, in the
 * table of metrics.c, from which tables, --help and documents take it. A figure that cannot be known
 * of an allocator is NAN, and shown as a blank.
 */
#ifndef CAIRN_TOOLS_LAB_METRICS_H
#define CAIRN_TOOLS_LAB_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "lab/player.h"

enum metric {
    METRIC_EXTERNAL,
    METRIC_INTERNAL,
    METRIC_UTILISATION,
    METRIC_PROBE,
    METRIC_HOLES,
    METRIC_LARGEST_FREE,
    METRIC_MEAN_FREE,
    METRIC_FREE,
    METRIC_MEAN_BLOCK,
    METRIC_BLOCKS,
    METRIC_REQUESTED,
    METRIC_GRANTED,
    METRIC_HELD,
    METRIC_HIGH_WATER,
    METRIC_FAILURES,
    METRICS
};

struct metric_definition {
    const char *name;       /* of options and documents: "external" */
    const char *title;      /* "external fragmentation" */
    const char *column;     /* short: "external" */
    const char *unit;       /* as in page/document.h */
    const char *better;     /* "less", "more" or NULL */
    const char *definition; /* one sentence */
};

extern const struct metric_definition metric_definitions[METRICS];

struct metrics {
    double values[METRICS];
};

/*
 * The figures of now. probe: bytes of the large request; 0: none is tried. It is 1 if it would be
 * met, else 0. O(blocks), and with a probe O(memory).
 */
void metrics_take(struct metrics *metrics, struct player *player, uint64_t probe);

/* From the free blocks alone, as a visit finds them: for tests, and for what metrics_take does. */
struct metrics_gaps {
    uint64_t free, holes, largest;
};
void metrics_gaps_of(struct metrics_gaps *gaps, const struct subject *subject);

/* subject_visit, after which the subject is as it was for certain. */
void metrics_visit(const struct subject *subject, cairn_visitor *visitor, void *context);

/* As documents have it: shares are percents there. */
const char *metrics_unit(enum metric metric);
double metrics_shown(enum metric metric, double value);

/* A value as people read it, in its unit; "" if it is not known. */
char *metrics_text(enum metric metric, double value);

/* The definitions, for `cairn lab metrics`. */
void metrics_explain(FILE *to);

#endif
