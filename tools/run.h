/* SPDX-License-Identifier: MIT */
/* What `cairn run` knows when the program has ended, and how it is told. */
#ifndef CAIRN_TOOLS_RUN_H
#define CAIRN_TOOLS_RUN_H

#include <stdio.h>

#include "proof.h"
#include "spawn.h"

struct run_report {
    char *const *argv; /* the program and its arguments */
    const char *library;
    const struct spawn_outcome *outcome;
    const struct proof *proof;
    const struct proof_process *process; /* the program's own, or NULL */
    const char *not_active;              /* why Cairn was not active in it; NULL: it was */
};

void run_report_text(const struct run_report *report, FILE *to);
void run_report_json(const struct run_report *report, FILE *to);

#endif
