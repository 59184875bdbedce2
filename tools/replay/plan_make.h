/* SPDX-License-Identifier: MIT */
/*
 * From a trace to a plan in a file without a name. A process that executes another program becomes
 * another one here: what is replayed is one program in one process, by default the one that had
 * most events. The trace is read twice: once to find that out.
 */
#ifndef CAIRN_TOOLS_REPLAY_PLAN_MAKE_H
#define CAIRN_TOOLS_REPLAY_PLAN_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "replayer/plan.h"

struct plan {
    int file; /* -1: none; programs that are started inherit it */
    struct plan_header header;
    uint64_t size;    /* bytes of the file */
    char *command;    /* of the process, or what was recorded */
    uint32_t process; /* its index in the trace */
    int pid;
    uint64_t processes; /* in the trace, programs executed counted as new ones */
    uint64_t threads;
    uint64_t others;                           /* events of other processes */
    uint64_t unknown, strange, failed, folded; /* see compiler.h and trace/live.h */
    char *damage;                              /* of the trace, as a sentence; NULL: it is whole */
};

struct plan_options {
    bool strict;
    int64_t process; /* index; -1: the one with most events */
    bool shows_progress;
};

/* False after a message. */
bool plan_make(struct plan *plan, const char *path, const struct plan_options *options);

/* A plan without operations. */
bool plan_make_empty(struct plan *plan);

void plan_fini(struct plan *plan);

#endif
