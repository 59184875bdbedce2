/* SPDX-License-Identifier: MIT */
/* The file in memory that recorded programs write to (record/ring.h), from the recorder's side. */
#ifndef CAIRN_TOOLS_RECORD_SHARED_H
#define CAIRN_TOOLS_RECORD_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include "record/ring.h"

struct shared {
    struct ring_header *header;
    size_t size;
    int file;      /* inherited by the program under this number */
    char *setting; /* for the program's environment */
};

struct shared_options {
    unsigned depth; /* of call stacks */
    bool only_first;
    size_t buffer; /* bytes a thread; a power of two */
};

/* False after a message. */
bool shared_create(struct shared *shared, const struct shared_options *options);
void shared_destroy(struct shared *shared);

struct ring_lane *shared_lane(const struct shared *shared, unsigned lane);
uint64_t *shared_ring(const struct shared *shared, unsigned lane);

/* The memory of a ring that nobody uses goes back to the system. */
void shared_empty(const struct shared *shared, unsigned lane);

/* Sleeps until a program wakes the recorder, or for so long at most. */
void shared_sleep(const struct shared *shared, unsigned microseconds);

/* Ends its sleep. */
void shared_rouse(const struct shared *shared);

/* Wakes a thread that waits for room in its lane. */
void shared_wake(struct ring_lane *lane);

/* Nothing more is recorded; whoever waits goes on. */
void shared_end(const struct shared *shared);

#endif
