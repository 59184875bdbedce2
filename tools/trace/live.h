/* SPDX-License-Identifier: MIT */
/*
 * The live blocks of a trace, by process and address. It applies events in their order and says
 * what each of them did, with the odd cases settled once for all readers:
 *   - an address that is given out while it is live: the older block is being moved by a realloc
 *     whose event comes later; it is kept aside until then;
 *   - FREE or REALLOC of an address that is not known: inherited by fork or older than the
 *     recording; counted, otherwise as if it had been NULL;
 *   - EXEC and EXIT: all blocks of the process end, unasked (they are not freed: leaked).
 */
#ifndef CAIRN_TOOLS_TRACE_LIVE_H
#define CAIRN_TOOLS_TRACE_LIVE_H

#include "trace/event.h"

struct live_block {
    uint64_t ptr, size, align;
    uint64_t number, time; /* of the event that made it, or gave it this size */
    uint32_t process, thread, stack;
    uint32_t tag; /* the reader's own; 0 at first, kept by realloc */
};

struct live_change {
    bool ended, made;         /* a realloc that did not fail does both */
    struct live_block before; /* the one that ended */
    struct live_block *block; /* the one made: until the next call of live_apply */
    bool unknown;             /* it freed or resized what is not known */
};

struct live {
    struct live_table *tables; /* one a process; private */
    size_t processes;
    uint64_t blocks, bytes;    /* live now, in all processes */
    uint64_t unknown, strange; /* frees of what is not known; addresses live twice for good */
};

void live_init(struct live *live);
void live_fini(struct live *live);

/* For EXEC and EXIT, `leave` is called for each block that ends with it; may be NULL. Running out of
 * memory ends the command, as in own_memory.h. O(1) but for these. */
struct live_change live_apply(struct live *live, const struct trace_event *event,
                              void (*leave)(void *context, const struct live_block *block),
                              void *context);

/* Each live block, in no order. */
void live_visit(const struct live *live,
                void (*visit)(void *context, const struct live_block *block), void *context);

#endif
