/* SPDX-License-Identifier: MIT */
/* The words of a command line of `cairn lab run` and `cairn lab sweep`, read. */
#ifndef CAIRN_TOOLS_LAB_OPTIONS_H
#define CAIRN_TOOLS_LAB_OPTIONS_H

#include "lab/experiment.h"
#include "lab/subject.h"
#include "output.h"

/* What a line of a table shows of a run. */
enum lab_at { LAB_MEAN, LAB_END, LAB_WORST };

struct lab_options {
    struct experiment_plan plan; /* without its calls; see experiment_settle */
    struct subject_choice *choices;
    size_t count;
    bool metrics[METRICS]; /* to be shown */
    bool chose_metrics, chose_allocators;
    bool all, watch, json, html, overwrite, help;
    enum lab_at at;
    enum color_when color;
    const char *output; /* NULL: stdout */
    const char *over;   /* of sweep */
    char **rest;        /* what is no option */
};

/* 0, or an exit code after a message. --help prints `help` and sets it. argv[0] is the verb's name. */
int lab_options_read(struct lab_options *options, const char *help, int argc, char **argv);
void lab_options_fini(struct lab_options *options);

/* "FROM..TO" or one size for both. False after a message. */
bool lab_sizes(const char *text, uint64_t *from, uint64_t *to);

/* Blocks, or bytes if it has a unit. False after a message. */
bool lab_live(const char *text, struct pattern_request *pattern);

/* One choice more. */
void lab_options_choose(struct lab_options *options, const struct subject_choice *choice);

/* The index of `word` in a NULL-terminated list; -1 after a message that names the nearest. */
int lab_word(const char *what, const char *word, const char *const *words);

#endif
