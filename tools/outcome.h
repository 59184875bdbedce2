/* SPDX-License-Identifier: MIT */
/* How a program ended, as all verbs that start programs tell it. */
#ifndef CAIRN_TOOLS_OUTCOME_H
#define CAIRN_TOOLS_OUTCOME_H

#include <stdio.h>

#include "json.h"
#include "spawn.h"

/* "cairn: sh exited 0 in 1.2 s", without a newline. */
void outcome_print(const struct spawn_outcome *outcome, const char *program, FILE *to);

/* Puts "exit_code" and "signal", of which one is null. */
void outcome_put_end(json_t *object, int exit_code, int signal);

/* Says that the program could not be executed, with errno's `error`; returns the exit code for it. */
int outcome_not_started(const char *program, int error);

#endif
