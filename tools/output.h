/* SPDX-License-Identifier: MIT */
/* Where a verb's report goes: a stream of its own, or a file that is not overwritten unasked. */
#ifndef CAIRN_TOOLS_OUTPUT_H
#define CAIRN_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct output {
    FILE *stream;
    const char *path; /* NULL: the stream is stdout or stderr */
    bool created;     /* the file is new, and removed again if nothing comes of the work */
    char *aside;      /* where it is written, if another file is to be replaced; NULL: in place */
    char *target;     /* that file, without symbolic links */
};

/*
 * Makes sure, before the work begins, that the report can be written: to `path`, which must not
 * exist yet unless `overwrite` (devices and pipes may); to stdout if it is "-", or to `standard` if
 * it is NULL; then output->path is NULL. What is in the file stays until the new is whole. False
 * after a message.
 */
bool output_open(struct output *output, const char *path, bool overwrite, FILE *standard);

/* The file of an option -o; NULL for "-", which is what a verb writes to by itself, to stdout. */
const char *output_named(const char *word);

/* The report begins. */
FILE *output_begin(struct output *output);

/* The same for what is of use even if it is cut: the file is emptied now, and stays on a signal; to
 * keep it after an error, too, output->created is to be false by then. */
FILE *output_begin_in_place(struct output *output);

/*
 * Ends it. False after a message if not all of it could be written: then a file that is new is
 * removed, and one that was to be overwritten is as it was.
 */
bool output_close(struct output *output);

/* There will be no report. */
void output_abandon(struct output *output);

/* Colour is for terminals: --color, then NO_COLOR, then CLICOLOR_FORCE decide otherwise. */
bool output_wants_color(enum color_when when, int fd);

/* The columns of the terminal, from COLUMNS or from the terminal itself; 80 if there is none. */
size_t output_columns(int fd);

#endif
