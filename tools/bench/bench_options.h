/* SPDX-License-Identifier: MIT */
/* The options of `cairn bench`. */
#ifndef CAIRN_TOOLS_BENCH_OPTIONS_H
#define CAIRN_TOOLS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

struct bench_options {
    bool help, quick, list, overwrite, json, verbose;
    bool latency, table, web; /* only these parts */
    enum color_when color;
    uint64_t rounds; /* 0: as many as the time allows, up to a usual number */
    uint64_t seed;
    const char *only, *allocators, *library, *output, *csv;
};

/* 0, or an exit code after a message. --help prints the page and sets `help`. */
int bench_options_read(struct bench_options *options, int argc, char **argv);

#endif
