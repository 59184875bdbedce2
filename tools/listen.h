/* SPDX-License-Identifier: MIT */
/*
 * Listens to what a program writes: a digest of its standard output, the end of that and of its
 * standard error, and both shown to the user if that is asked for.
 */
#ifndef CAIRN_TOOLS_LISTEN_H
#define CAIRN_TOOLS_LISTEN_H

#include <stdbool.h>

#include "digest.h"
#include "spawn.h"

enum { LISTEN_TAIL = 2048 };

struct listen_tail {
    char bytes[LISTEN_TAIL];
    size_t length;
};

struct listener {
    struct digest output;
    struct listen_tail output_tail, errors_tail;
    int show; /* where standard output is copied to (and standard error to ours); -1: nowhere */
};

void listen_init(struct listener *listener, int show);

/* The two ends to put into a spawn_request. */
struct spawn_sink listen_output(struct listener *listener);
struct spawn_sink listen_errors(struct listener *listener);

/*
 * The last line of standard error, or of standard output, made harmless for terminals; NULL if there
 * is none. For free().
 */
char *listen_last_line(const struct listener *listener);
char *listen_last_output(const struct listener *listener);

/* Writes all of it, if it can; for texts to people. */
void listen_show(int fd, const char *bytes, size_t size);

#endif
