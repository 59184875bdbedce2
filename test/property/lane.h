/* SPDX-License-Identifier: MIT */
/*
 * A lane is one sequence of operations with its slots. One thread at a time runs it; in a churn run
 * the thread ends with blocks live and another one goes on where it stopped.
 *
 * Lanes hand live blocks to each other through bounded inboxes, so that most frees are remote. What
 * arrives is mostly verified and freed at once, and sometimes kept in a slot: then it is resized,
 * or handed on.
 */
#ifndef TEST_PROPERTY_LANE_H
#define TEST_PROPERTY_LANE_H

#include "property/operation.h"

#include <stddef.h>

struct lane;

struct lane_counts {
    size_t operations;
    size_t born;
    size_t resized;
    size_t freed_elsewhere; /* blocks that another lane allocated */
    size_t peak_bytes;      /* the most that was live, usable bytes; the sum over lanes */
};

/* All lanes of the run (failure.h), each with the generator for its own stream. */
struct lane *lanes_create(unsigned count, unsigned slots);
struct lane *lane_at(struct lane *lanes, unsigned index);

/* Runs that many generated operations; shows each on standard output if asked. */
void lane_generate(struct lane *lane, size_t operations, bool show);

/* Runs a given program. Operations that do not fit the slots are passed over. */
void lane_replay(struct lane *lane, const struct operation *program, size_t length);

/* The next operation without running it: what a recorder needs around lane_replay. */
struct operation lane_peek(struct lane *lane);

/* Frees every block and everything that waits in inboxes, from the calling thread. */
void lanes_drain(struct lane *lanes, unsigned count);

struct lane_counts lanes_counts(const struct lane *lanes, unsigned count);

#endif
