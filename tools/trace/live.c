/* SPDX-License-Identifier: MIT */
/*
 * The live blocks of a trace: see live.h. One table a process (block_table.h). REALLOC takes one that is
 * aside first; FREE takes the newer one, because a block under way in a realloc cannot be freed by
 * anybody. Those for which no realloc came stay counted in `strange`.
 */
#define _GNU_SOURCE
#include "trace/live.h"

#include <stdlib.h>

#include "own_memory.h"
#include "trace/block_table.h"

struct slot {
    struct block_slot block; /* first */
    uint64_t number, time;
    uint32_t thread, stack, tag;
    uint8_t align_log; /* 0: align 0, else its logarithm + 1 */
};

enum { SLOT = sizeof(struct slot) };

struct live_table {
    struct block_table blocks;
    struct live_block block; /* what live_change.block points to; ptr 0: nothing */
    struct slot *made;       /* its slot: nothing moves before the next event of the process */
};

void live_init(struct live *live)
{
    *live = (struct live){.tables = NULL};
}

void live_fini(struct live *live)
{
    for (size_t i = 0; i < live->processes; i++)
        block_table_clear(&live->tables[i].blocks);
    free(live->tables);
    live_init(live);
}

static struct live_block block_of(const struct slot *slot, uint32_t process)
{
    return (struct live_block){
        .ptr = slot->block.ptr,
        .size = block_size(&slot->block),
        .align = slot->align_log ? UINT64_C(1) << (slot->align_log - 1) : 0,
        .number = slot->number,
        .time = slot->time,
        .process = process,
        .thread = slot->thread,
        .stack = slot->stack,
        .tag = slot->tag,
    };
}

static struct slot *find(const struct live_table *table, uint64_t ptr, bool aside)
{
    return (struct slot *)block_find(&table->blocks, SLOT, ptr, aside);
}

static struct live_table *table_of(struct live *live, uint32_t process)
{
    if (process >= live->processes) {
        size_t count = (size_t)process + 1;
        if (count < live->processes * 2)
            count = live->processes * 2;
        live->tables = memory_resize(live->tables, count, sizeof *live->tables);
        for (size_t i = live->processes; i < count; i++)
            live->tables[i] = (struct live_table){.made = NULL};
        live->processes = count;
    }
    return &live->tables[process];
}

static void end(struct live *live, struct live_table *table, struct slot *slot, uint32_t process,
                struct live_change *change)
{
    change->ended = true;
    change->before = block_of(slot, process);
    live->blocks--;
    live->bytes -= change->before.size;
    block_take_out(&table->blocks, SLOT, &slot->block);
}

static void make(struct live *live, struct live_table *table, const struct trace_event *event,
                 uint32_t tag, struct live_change *change)
{
    bool strange;
    struct slot made = {.block = {event->ptr, event->size},
                        .number = event->number,
                        .time = event->time,
                        .thread = event->thread,
                        .stack = event->stack,
                        .tag = tag};

    if (event->align)
        made.align_log = (uint8_t)(64 - __builtin_clzll(event->align));
    table->made = (struct slot *)block_put(&table->blocks, SLOT, &made.block, &strange);
    table->block = block_of(&made, event->process);
    live->strange += strange;
    live->blocks++;
    live->bytes += table->block.size;
    change->made = true;
    change->block = &table->block;
}

static void leave_all(struct live *live, struct live_table *table, uint32_t process,
                      void (*leave)(void *context, const struct live_block *block), void *context)
{
    const struct slot *slots = table->blocks.slots;

    for (size_t i = 0; i < table->blocks.room; i++) {
        if (!slots[i].block.ptr)
            continue;
        struct live_block block = block_of(&slots[i], process);
        live->blocks--;
        live->bytes -= block.size;
        if (leave)
            leave(context, &block);
    }
    block_table_clear(&table->blocks);
}

static void resize(struct live *live, struct live_table *table, const struct trace_event *event,
                   struct live_change *change)
{
    uint32_t tag = 0;

    if (!event->ptr)
        return; /* it failed: the old one stays */
    struct slot *slot = event->old == event->ptr ? NULL : find(table, event->old, true);
    if (slot)
        live->strange--;
    else
        slot = find(table, event->old, false);
    if (slot) {
        end(live, table, slot, event->process, change);
        tag = change->before.tag;
    } else if (event->old) {
        change->unknown = true;
        live->unknown++;
    }
    make(live, table, event, tag, change);
}

static void release(struct live *live, struct live_table *table, const struct trace_event *event,
                    struct live_change *change)
{
    struct slot *slot = find(table, event->ptr, false);

    if (!slot)
        slot = find(table, event->ptr, true);
    if (slot) {
        end(live, table, slot, event->process, change);
    } else if (event->ptr) {
        change->unknown = true;
        live->unknown++;
    }
}

struct live_change live_apply(struct live *live, const struct trace_event *event,
                              void (*leave)(void *context, const struct live_block *block),
                              void *context)
{
    struct live_change change = {.ended = false};
    struct live_table *table = table_of(live, event->process);

    if (table->block.ptr) {
        table->made->tag = table->block.tag; /* the reader may have set it */
        table->block.ptr = 0;
    }
    switch (event->op) {
    case TRACE_ALLOC:
    case TRACE_ALLOC_ZEROED:
        if (event->ptr)
            make(live, table, event, 0, &change);
        break;
    case TRACE_REALLOC:
        resize(live, table, event, &change);
        break;
    case TRACE_FREE:
        release(live, table, event, &change);
        break;
    case TRACE_EXEC:
    case TRACE_EXIT:
        leave_all(live, table, event->process, leave, context);
        break;
    default:
        break;
    }
    return change;
}

void live_visit(const struct live *live,
                void (*visit)(void *context, const struct live_block *block), void *context)
{
    for (size_t i = 0; i < live->processes; i++) {
        const struct live_table *table = &live->tables[i];
        const struct slot *slots = table->blocks.slots;
        for (size_t at = 0; at < table->blocks.room; at++) {
            if (!slots[at].block.ptr)
                continue;
            struct live_block block = block_of(&slots[at], (uint32_t)i);
            if (table->block.ptr && &slots[at] == table->made)
                block.tag = table->block.tag;
            visit(context, &block);
        }
    }
}
