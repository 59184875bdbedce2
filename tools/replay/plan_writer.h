/* SPDX-License-Identifier: MIT */
/*
 * Writes a plan (replayer/plan.h): streams of words side by side into one file. Memory: a chunk a
 * stream, and the tables.
 */
#ifndef CAIRN_TOOLS_REPLAY_PLAN_WRITER_H
#define CAIRN_TOOLS_REPLAY_PLAN_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replayer/plan.h"

struct plan_stream_writer {
    uint64_t *words; /* the chunk that is being filled; NULL: none yet */
    size_t used;
    uint64_t *chunks; /* where those that are full are in the file */
    size_t chunk_count, chunk_room;
    uint64_t first, operations;
};

struct plan_writer {
    int file;
    int error;                 /* errno of the first write that failed, or 0 */
    uint64_t at;               /* the end of the file */
    struct plan_header header; /* the figures are the caller's */
    struct plan_stream_writer streams[PLAN_STREAMS];
    struct plan_boundary *boundaries;
    size_t boundary_room;
};

void plan_writer_init(struct plan_writer *writer, int file);
void plan_writer_fini(struct plan_writer *writer);

/* Words that must stay together. */
void plan_put(struct plan_writer *writer, size_t stream, const uint64_t *words, size_t count);

void plan_put_boundary(struct plan_writer *writer, struct plan_boundary boundary);

/* What is left, the tables and the header. False if any of it could not be written: see `error`. */
bool plan_finish(struct plan_writer *writer);

#endif
