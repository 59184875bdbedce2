/* SPDX-License-Identifier: MIT */
/*
 * A recorded trace as a list of calls: every block gets a number when it begins. Threads' calls come
 * in the order in which they happened; blocks of all processes lie side by side, and end with their
 * process. What the trace frees without having seen it begin is left out, and so are requests that
 * failed when they were recorded.
 */
#define _GNU_SOURCE
#include "lab/pattern.h"

#include "message.h"
#include "trace/live.h"
#include "trace/reader.h"

struct listing {
    struct ops *ops;
    uint32_t next; /* number of the next block */
};

static uint8_t align_of(const struct trace_event *event)
{
    if (event->align < (uint64_t)1 << OPS_ALIGN || (event->align & (event->align - 1)) != 0)
        return OPS_ALIGN;
    int align = __builtin_ctzll(event->align);
    return (uint8_t)(align < 30 ? align : 30);
}

static void leave(void *context, const struct live_block *block)
{
    struct listing *listing = context;
    ops_free(listing->ops, block->tag - 1);
}

/* Tags are numbers from 1; live.h keeps them through a resize. */
static void add(struct listing *listing, const struct trace_event *event,
                const struct live_change *change)
{
    bool has_before = change->ended && change->before.tag != 0;

    if (change->made && has_before) {
        change->block->tag = change->before.tag;
        ops_add(listing->ops, OP_RESIZE, change->before.tag - 1, event->size, OPS_ALIGN);
    } else if (change->made) {
        if (ops_add(listing->ops, OP_ALLOC, listing->next, event->size, align_of(event)) == NULL)
            change->block->tag = ++listing->next;
    } else if (has_before) {
        ops_free(listing->ops, change->before.tag - 1);
    }
}

bool pattern_trace(struct ops *ops, const char *path, size_t most)
{
    struct trace_reader *reader = trace_open(path);
    struct listing listing = {.ops = ops};
    struct trace_event event;
    struct live live;

    if (!reader)
        return false;
    live_init(&live);
    while (ops->count < most && trace_next(reader, &event)) {
        struct live_change change = live_apply(&live, &event, leave, &listing);
        add(&listing, &event, &change);
    }
    if (ops->count < most && trace_damage(reader))
        message("lab: %s is %s; played up to there", path, trace_damage(reader));
    live_fini(&live);
    trace_close(reader);
    if (ops->count == 0)
        message("lab: %s has no calls", path);
    return ops->count > 0;
}
