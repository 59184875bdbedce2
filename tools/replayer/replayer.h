/* SPDX-License-Identifier: MIT */
/*
 * cairn-replayer executes a plan (plan.h) under whatever malloc it was started with, and says what
 * that took (result.h). It needs the C library alone; its own memory comes from mmap, is there
 * before the first operation, and is left out of the figures.
 *
 *   main.c        what is asked for, the threads, the end
 *   stream.c      a thread's way through its words
 *   operate.c     one operation: the call, what a program would write, and the checks
 *   gate.c        waiting for other threads
 *   checkpoint.c  all threads stand still, and memory is measured
 *   process.c     what the kernel says of this process
 */
#ifndef CAIRN_TOOLS_REPLAYER_REPLAYER_H
#define CAIRN_TOOLS_REPLAYER_REPLAYER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replayer/gate.h"
#include "replayer/plan.h"
#include "replayer/result.h"

enum touch { TOUCH_NONE, TOUCH_PAGES, TOUCH_ALL, TOUCH_ALONE /* no allocator is called */ };

enum { ALONE_BLOCKS = 1 << 16, ALONE_BYTES = ALONE_BLOCKS * 64 };

struct block {
    unsigned char *ptr; /* NULL: not live */
    uint64_t size;      /* asked for */
};

/* What a stream's thread has; the gates are on cache lines of their own, as others read them. */
struct stream {
    struct gate done;     /* operations done: raised only if there are several streams */
    struct gate position; /* all before this one, in the order of the trace, is done here */
    _Alignas(64) const uint64_t *at;
    const uint64_t *end;
    uint64_t *buffer;
    const uint64_t *chunks; /* where they are in the plan */
    uint64_t chunks_left;
    uint64_t operations;                /* done */
    int64_t blocks, requested, granted; /* by this thread: made less ended */
    struct replay *replay;
    pthread_t thread, predecessor;
    bool has_predecessor, has_thread;
};

/* Set once before the threads start, but for the last group. */
struct replay {
    int plan_file;
    struct plan_header plan;
    const struct plan_boundary *boundaries;
    struct block *table; /* by number */
    uint64_t *granted;   /* bytes, by number; NULL: not asked for */
    struct stream *streams;
    enum touch touch;
    unsigned char *alone; /* TOUCH_ALONE: what is written to instead of blocks */
    bool check;           /* whole blocks */
    size_t page_size;
    uint64_t own; /* bytes of resident memory that are not the allocator's */
    struct result *result;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started;
    size_t active, arrived;     /* streams that have not ended; those at the checkpoint */
    uint64_t generation;        /* of checkpoints */
    _Atomic uint64_t next_stop; /* the next checkpoint's place in the trace; or UINT64_MAX */
    _Atomic uint64_t slowest;   /* no stream's position is below */
    uint64_t stops[RESULT_CHECKPOINTS]; /* indices of boundaries */
    size_t stop, stop_count;
    double ended, ended_cpu; /* when the last stream did */
};

/* Ends the process with that state; the first that calls it is heard. */
_Noreturn void give_up(struct replay *replay, enum result_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- operate.c ---- */
void operate(struct replay *replay, struct stream *stream, enum plan_kind kind, uint64_t number,
             uint64_t size, uint64_t align);

/* What the replayer itself costs: as operate, but for the allocator. */
void operate_alone(struct replay *replay, struct stream *stream, enum plan_kind kind,
                   uint64_t number, uint64_t size);

/* ---- stream.c ---- */
void *stream_run(void *stream);
bool start_thread(struct stream *stream); /* in main.c; errno */

/* ---- checkpoint.c ---- */
void checkpoints_choose(struct replay *replay, size_t wanted);
void checkpoint_pass(struct replay *replay, uint64_t position); /* stops, if it is time */
void checkpoint_leave(struct replay *replay);                   /* a stream has ended */

/* ---- process.c ---- */
double clock_seconds(int clock);
uint64_t process_resident(void); /* bytes */
bool process_reset_high_water(void);
uint64_t process_high_water(void);                    /* bytes */
void *own_pages(struct replay *replay, size_t bytes); /* zeroed and resident */

#endif
