/* SPDX-License-Identifier: MIT */
/* The options of `cairn compare`. */
#ifndef CAIRN_TOOLS_COMPARE_OPTIONS_H
#define CAIRN_TOOLS_COMPARE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

struct compare_options {
    bool help, overwrite, show_output, ignore_exit, verbose;
    enum format format;
    enum color_when color;
    uint64_t rounds, warm_ups, seed;
    const char *allocators, *baseline, *library, *output;
    char **argv;
};

/* 0, or an exit code after a message. --help prints the page and sets `help`. */
int compare_options_read(struct compare_options *options, int argc, char **argv);

/*
 * The same command with more rounds, as a shell would take it: `argv` is what
 * compare_options_read() got, `argc` the number of words before the program. Freed by the caller.
 */
char *compare_options_again(char **argv, int argc, unsigned rounds, size_t columns);

#endif
