/* SPDX-License-Identifier: MIT */
/* The patterns: what a program does, as a list of calls, from a few parameters and a seed. */
#ifndef CAIRN_TOOLS_LAB_PATTERN_H
#define CAIRN_TOOLS_LAB_PATTERN_H

#include "lab/ops.h"

struct pattern_request {
    const char *name;  /* "random", "robson", "trace:FILE", "ops:FILE" */
    uint64_t from, to; /* sizes, both with */
    uint64_t live;     /* blocks, or bytes; 0: 256 blocks */
    bool live_in_bytes;
    uint64_t steps; /* calls, about; files: at most. 0: enough to replace each block some times */
    uint64_t seed;
};

/* NULL-terminated. */
extern const char *const pattern_names[];

/* Whether such a pattern can be made. False after a message. */
bool pattern_exists(const char *name);

/* Fills an empty list. False after a message. */
bool pattern_make(struct ops *ops, const struct pattern_request *request);

/* A line for each. */
void pattern_explain(FILE *to);

/* robson.c: see there. */
bool pattern_robson(struct ops *ops, const struct pattern_request *request);

/* Bytes that first fit needs for it at least, whatever is kept in reserve. */
uint64_t pattern_robson_bound(const struct pattern_request *request);

/* trace_ops.c: a recorded trace as calls: process by process, threads in the recorded order. */
bool pattern_trace(struct ops *ops, const char *path, size_t most);

#endif
