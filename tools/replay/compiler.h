/* SPDX-License-Identifier: MIT */
/*
 * Makes a plan of the events of one process: addresses become numbers of blocks, threads become
 * streams, and where one thread needs what another did, it is told to wait for that:
 *   - free and realloc wait for the operation that made the block, or resized it last;
 *   - a number that is used again waits for the free that ended its block before.
 * With `strict` each operation waits for the one before it in the trace, whatever it was.
 *
 * Threads that are never alive at the same time share a stream, each being a thread of its own in
 * the replay. When more than PLAN_STREAMS are, the later ones are folded: they do their operations
 * in a thread that has others, too.
 *
 * Left out, and counted: allocations that failed, and frees of blocks that the process did not make
 * while it was watched. A realloc of such a block is an allocation.
 */
#ifndef CAIRN_TOOLS_REPLAY_COMPILER_H
#define CAIRN_TOOLS_REPLAY_COMPILER_H

#include "replay/numbers.h"
#include "replay/plan_writer.h"
#include "trace/live.h"

struct compiler_thread {
    uint32_t stream; /* + 1; 0: none yet */
};

struct compiler_stream {
    uint64_t cell;    /* of its last mark, + 1 */
    uint32_t threads; /* that are alive and do their operations here */
    bool had_thread;  /* that is gone: the next is its successor */
    uint64_t *known;  /* by stream: how many of its operations are done for sure */
};

struct compiler {
    struct plan_writer writer;
    struct live live;
    struct numbers numbers;
    bool strict;
    struct compiler_thread *threads; /* by the trace's index */
    size_t thread_room;
    struct compiler_stream streams[PLAN_STREAMS];
    uint64_t next_boundary, cell;
    uint64_t blocks, bytes; /* live */
    size_t last_stream;     /* of the operation before */
    uint64_t failed, folded, threads_seen;
};

void compiler_init(struct compiler *compiler, int file, bool strict);
void compiler_fini(struct compiler *compiler);

/* The next event of the process; those of threads, too. */
void compiler_take(struct compiler *compiler, const struct trace_event *event);

/* Completes the plan. False if it could not be written: compiler->writer.error is the errno. */
bool compiler_finish(struct compiler *compiler);

#endif
