/* SPDX-License-Identifier: MIT */
/* What `cairn record` says at its end. */
#ifndef CAIRN_TOOLS_RECORD_SUMMARY_H
#define CAIRN_TOOLS_RECORD_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "record/recorder.h"
#include "spawn.h"

struct summary {
    char *const *argv;
    const char *path; /* of the trace */
    const struct spawn_outcome *outcome;
    const struct totals *totals;
    uint64_t lost;
    bool brings_malloc; /* the program exports a malloc of its own */
    bool whole;         /* the trace could be written to its end */
};

/* NULL, or why nothing of the program was recorded, as a sentence without its end. */
const char *summary_objection(const struct summary *summary);

void summary_text(const struct summary *summary, FILE *to);
void summary_json(const struct summary *summary, FILE *to);

#endif
