/* SPDX-License-Identifier: MIT */
/* The parts of `cairn lab`: each gets its own word and what follows, and returns the exit code. */
#ifndef CAIRN_TOOLS_LAB_LAB_H
#define CAIRN_TOOLS_LAB_LAB_H

#include "json.h"
#include "lab/experiment.h"
#include "lab/options.h"
#include "table.h"

int lab_run(int argc, char **argv);
int lab_sweep(int argc, char **argv);
int lab_demo(int argc, char **argv);
int lab_ops(int argc, char **argv);

/* The live heap map of the first choice; the terminal is as before when it returns. */
int lab_watch(struct lab_options *options);

/* "N of ALL" on stderr, if that is a terminal and the work has lasted for a second; gone when done. */
struct lab_progress {
    double start; /* of spawn_clock */
    bool is_shown;
};
void lab_progress(struct lab_progress *progress, size_t done, size_t all);

/* What was played, in one line: "random: 10 000 calls, …". The caller frees it. */
char *lab_plan_text(const struct experiment_plan *plan);

/* Tables for people, on stdout or in the file. several: one line for each, with means; else one
 * line for each figure. */
void lab_table_several(const struct experiment *experiments, size_t count,
                       const struct lab_options *options, FILE *to, bool color, size_t columns);

/* The parts of such a table: which columns (as options say, or as fit), their heads, a line. */
void lab_columns(bool shown[METRICS], const struct lab_options *options, size_t width);
void lab_table_head(struct table *table, const bool shown[METRICS]);
void lab_table_row(struct table *table, const struct experiment *experiments, size_t count,
                   size_t which, const bool shown[METRICS], enum lab_at at);

/* The mean over a run; of a figure that only grows, what it is at the end. */
double lab_mean(const struct experiment *experiment, enum metric metric);

/* What the figures of a line are, in words. The caller frees it. */
char *lab_at_text(enum lab_at at);

void lab_table_one(const struct experiment *experiment, FILE *to, bool color);

/* The document of experiments (schema "cairn.lab"): tables, series, bars, heap maps. */
json_t *lab_document(const struct experiment_plan *plan, const struct experiment *experiments,
                     size_t count, char *const *command);

/* The words of the command, from "cairn" on, NULL-terminated. To be freed. */
char **lab_command(int argc, char **argv);

/* Writes a document as JSON, or as a page. False after a message. Gives it up. */
bool lab_document_write(json_t *document, const struct lab_options *options, struct output *output);

#endif
