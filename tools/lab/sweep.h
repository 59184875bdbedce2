/* SPDX-License-Identifier: MIT */
/* What a sweep is, between sweep.c, which plays it, and sweep_report.c, which tells of it. */
#ifndef CAIRN_TOOLS_LAB_SWEEP_H
#define CAIRN_TOOLS_LAB_SWEEP_H

#include <stdio.h>

#include "json.h"
#include "lab/experiment.h"
#include "lab/options.h"

enum sweep_kind {
    SWEEP_FIT,
    SWEEP_COALESCE,
    SWEEP_ALLOCATOR,
    SWEEP_PATTERN,
    SWEEP_SIZE,
    SWEEP_LIVE,
    SWEEP_REGION,
    SWEEP_SEED,
    SWEEP_KINDS
};

struct sweep_dimension {
    enum sweep_kind kind;
    const char *name;
    char **values;
    size_t count;
};

struct sweep {
    const struct lab_options *options;
    struct sweep_dimension dimensions[SWEEP_KINDS];
    size_t dimension_count;
    size_t cells;                   /* combinations of the values */
    struct experiment *experiments; /* by cell, and in it by options->choices */
};

/* The value that a cell has in a dimension. */
const char *sweep_value(const struct sweep *sweep, size_t cell, size_t dimension);

bool sweep_has(const struct sweep *sweep, enum sweep_kind kind);

void sweep_print(const struct sweep *sweep, FILE *to);
json_t *sweep_document(const struct sweep *sweep, char *const *command);

#endif
