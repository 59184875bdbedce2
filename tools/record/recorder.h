/* SPDX-License-Identifier: MIT */
/*
 * The recorder: a thread of the command that empties the lanes of all recorded processes, puts their
 * records in order and writes the trace, for as long as any of the processes lives.
 */
#ifndef CAIRN_TOOLS_RECORD_RECORDER_H
#define CAIRN_TOOLS_RECORD_RECORDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "record/held.h"
#include "record/order.h"
#include "record/processes.h"
#include "record/shared.h"
#include "record/timing.h"

/* What the recorder knows of a lane. */
struct lane_reader {
    uint64_t until;           /* what was read of it comes before this number */
    uint64_t time;            /* of its last record */
    struct recorded *process; /* whose records are delivered now; NULL: not told yet */
    uint32_t thread;          /* of the trace */
    uint32_t next_stack;      /* for an event with RING_STACK_NEXT */
    int tid;
};

struct totals {
    uint64_t events, allocations, frees, failed;
    uint64_t peak_bytes, peak_time;   /* live bytes of all processes together */
    uint64_t left_blocks, left_bytes; /* live when their process ended */
    uint64_t lost;                    /* numbers that never came, and records that made no sense */
    uint64_t unknown;                 /* frees of blocks not known */
    uint64_t file_bytes;
    uint32_t processes, threads, program_processes; /* the last: the program's own */
};

enum { STATUS_UNKNOWN = -1 };

struct recorder {
    struct shared *shared;
    struct trace_writer *writer;
    struct order order;
    struct timing timing;
    struct processes processes;
    struct held held;
    struct lane_reader lanes[RING_LANES];
    struct totals totals;
    uint64_t number;       /* of the last event written */
    uint64_t stuck_number; /* what has been waited for since stuck_since; seconds */
    double stuck_since, looked_at, threads_looked_at, flushed_at;
    int error; /* errno of a write that failed, or 0 */

    pthread_t thread;
    _Atomic int program; /* its pid once it has ended, or -1: it never started */
    int status;          /* its wait status, set before `program` */
    _Atomic bool stop;   /* at once, whoever still lives */
    _Atomic bool done;
};

/* Starts the thread. False after a message. */
bool recorder_start(struct recorder *recorder, struct shared *shared, struct trace_writer *writer);

/* The program has ended so (pid -1: could not be started); others may go on. */
void recorder_program_ended(struct recorder *recorder, int pid, int status);

/* Waits for the end of the thread. The writer is not finished. */
void recorder_join(struct recorder *recorder);
void recorder_fini(struct recorder *recorder);

/* deliver.c: a record whose turn it is. */
void deliver_record(void *recorder, struct record *record);
/* A process has died, and all that it wrote has been delivered. */
void deliver_exit(struct recorder *recorder, struct recorded *process);
/* Its thread is gone. */
void deliver_thread_end(struct recorder *recorder, struct lane_reader *lane);

#endif
