/* SPDX-License-Identifier: MIT */
/* The options of `cairn report` and `cairn diff`. */
#ifndef CAIRN_TOOLS_PAGE_REPORT_OPTIONS_H
#define CAIRN_TOOLS_PAGE_REPORT_OPTIONS_H

#include <stdbool.h>

#include "output.h"
#include "page/limits.h"

enum report_form { REPORT_PAGE, REPORT_TEXT, REPORT_JSON, REPORT_EXPORT };

struct report_options {
    enum report_form form;
    const char *output; /* NULL: stdout, or a page named after the first file */
    bool overwrite;
    const char *export_format;
    long process;             /* -1: all of them */
    const char *suppressions; /* NULL: none */
    struct limits limits;
    enum color_when color;
    bool help;
    char **files; /* NULL at the end */
    int count;
};

/* 0, or the exit code after a message. With `help`, what was asked for was printed. */
int report_options_read(struct report_options *options, const char *verb, const char *help,
                        int argc, char **argv);
void report_options_fini(struct report_options *options);

#endif
