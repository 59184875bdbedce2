/* SPDX-License-Identifier: MIT */
/*
 * How much is live, as events pass by: the sums that trace/live.h would give, and their peak, from 16
 * bytes a block (address and size) instead of 48. Who wants to know more of a block reads the trace.
 *
 * Events take effect a few later, when the memory that they need has come: held_settle waits.
 */
#ifndef CAIRN_TOOLS_RECORD_HELD_H
#define CAIRN_TOOLS_RECORD_HELD_H

#include "trace/block_table.h"
#include "trace/event.h"

enum { HELD_WAITING = 16 }; /* a power of two */

struct held_event {
    enum trace_op op;
    uint32_t process;
    uint64_t ptr, old, size, time;
};

struct held {
    struct block_table *tables; /* one a process */
    size_t processes;
    struct held_event waiting[HELD_WAITING];
    unsigned first, count;

    uint64_t blocks, bytes, unknown; /* as in struct live */
    uint64_t peak_bytes, peak_time;
};

void held_init(struct held *held);
void held_fini(struct held *held);

/* An event, in its order. EXEC and EXIT take effect at once, with all before. */
void held_apply(struct held *held, const struct trace_event *event);

/* All events have taken effect when this returns. */
void held_settle(struct held *held);

#endif
