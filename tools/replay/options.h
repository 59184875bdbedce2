/* SPDX-License-Identifier: MIT */
/* The options of `cairn replay`. */
#ifndef CAIRN_TOOLS_REPLAY_OPTIONS_H
#define CAIRN_TOOLS_REPLAY_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"

enum { REPLAY_ANY_PROCESS = INT_MAX };

enum replay_format { REPLAY_TABLE, REPLAY_JSON, REPLAY_CSV };
enum replay_touch { REPLAY_TOUCH_NONE, REPLAY_TOUCH_PAGES, REPLAY_TOUCH_ALL };

struct replay_options {
    bool help, overwrite, strict, check;
    bool time, memory; /* which passes */
    enum replay_format format;
    enum replay_touch touch;
    enum color_when color;
    uint64_t rounds, checkpoints, process, seed;
    uint64_t limit; /* seconds for a run; 0: as many as seem fair */
    const char *allocators, *library, *output;
    const char **stacks;
    size_t stack_count;
    const char *trace; /* NULL: `--allocators list` */
};

/* 0, or an exit code after a message. --help prints the page and sets `help`. */
int replay_options_read(struct replay_options *options, int argc, char **argv);

void replay_options_fini(struct replay_options *options);

#endif
