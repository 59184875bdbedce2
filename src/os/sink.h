/* SPDX-License-Identifier: MIT */
/*
 * Where a log goes: a file descriptor that may be anything, may be slow, and may be closed or taken
 * by something else behind our back. Whatever happens, writing returns, says how much was written,
 * and never ends the process: no SIGPIPE, no SIGXFSZ, no cancellation of the thread. Nothing
 * allocates, nothing touches errno. One thread at a time uses a sink.
 */
#ifndef CAIRN_OS_SINK_H
#define CAIRN_OS_SINK_H

#include "base/config.h"

/* How long one write waits in all for a reader that is slow. After one such wait in vain, later
 * ones do not wait until something has been read. */
#define CAIRN__OS_SINK_PATIENCE_MS 1000

struct sink {
    int file;               /* -1: none */
    bool own;               /* to be closed at the end */
    bool stalled;           /* the last one waited in vain */
    uint64_t device, inode; /* what the file is: else the number belongs to another by now */
};

/* Makes or empties a file, and appends to it. False if it cannot be opened. */
bool cairn__os_sink_open(struct sink *sink, const char *path);

/* A descriptor of the caller's, open for writing. False if it is not open. */
bool cairn__os_sink_use(struct sink *sink, int file);

/*
 * Another descriptor for what `file` is, out of the way of those that programs count on, and not
 * handed down to programs that are started; -1 if there is none. It stays open when the program
 * closes its own, as many do with their output at their end. cairn__os_sink_drop closes it.
 */
int cairn__os_sink_duplicate(int file);
void cairn__os_sink_drop(int file);

/* How many bytes were written: all, or those before an error. */
size_t cairn__os_sink_write(struct sink *sink, const char *bytes, size_t count);

void cairn__os_sink_close(struct sink *sink);

#endif
