/* SPDX-License-Identifier: MIT */
/*
 * The proof that Cairn is active, told by the library itself.
 *
 * The command makes a private file and names it in CAIRN_RUN_FILE. Each process into which the
 * library is loaded appends lines of key=value to it, each with one write() to O_APPEND:
 *     start pid=123 active=1 exe=/path     active: malloc is Cairn's; exe: the rest of the line
 *     end pid=123 live_bytes=… …           at normal exit; any key may be missing
 * Keys that are not known here are passed over.
 */
#ifndef CAIRN_TOOLS_PROOF_H
#define CAIRN_TOOLS_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum proof_figure {
    PROOF_LIVE,
    PROOF_MAPPED,
    PROOF_COMMITTED,
    PROOF_PEAK_COMMITTED,
    PROOF_HEAPS,
    PROOF_FIGURES,
};

/* The keys in the file, by enum proof_figure. */
extern const char *const proof_keys[PROOF_FIGURES];

struct proof_process {
    pid_t pid;
    bool active, ended;
    char *exe;                        /* what it executed last; may be NULL */
    long long figures[PROOF_FIGURES]; /* -1: not told */
};

struct proof {
    char *path;
    char *setting; /* "CAIRN_RUN_FILE=path", for the environment */
    int fd;
    struct proof_process *processes; /* in the order of their start */
    size_t count;
};

/* False after a message. */
bool proof_open(struct proof *proof);

/* Removes the file and reads what was written to it. */
void proof_read(struct proof *proof);

/* The last process with that number that told of its start, or NULL. */
const struct proof_process *proof_of(const struct proof *proof, pid_t pid);

size_t proof_count_active(const struct proof *proof);

/*
 * Why Cairn was not active in process `pid`, as a sentence; NULL: it was. `brings_malloc` says that
 * its program exports a malloc, `killed` that a signal ended it.
 */
const char *proof_objection(const struct proof *proof, pid_t pid, bool brings_malloc, bool killed);

void proof_close(struct proof *proof);

#endif
