/* SPDX-License-Identifier: MIT */
/*
 * See held.h. The rules are those of trace/live.c: an address given out while it is live belongs to a
 * block that a realloc is moving, which stays aside until that realloc comes.
 *
 * Most of the time of a look-up is a cache miss. So an event only asks for its slot when it comes, and
 * is applied when some more have come: the misses of those overlap.
 */
#define _GNU_SOURCE
#include "record/held.h"

#include <stdlib.h>

#include "own_memory.h"

enum { SLOT = sizeof(struct block_slot) };

void held_init(struct held *held)
{
    *held = (struct held){.tables = NULL};
}

void held_fini(struct held *held)
{
    for (size_t i = 0; i < held->processes; i++)
        block_table_clear(&held->tables[i]);
    free(held->tables);
    held_init(held);
}

static struct block_table *table_of(struct held *held, uint32_t process)
{
    if (process >= held->processes) {
        size_t count = (size_t)process + 1;
        if (count < held->processes * 2)
            count = held->processes * 2;
        held->tables = memory_resize(held->tables, count, sizeof *held->tables);
        for (size_t i = held->processes; i < count; i++)
            held->tables[i] = (struct block_table){.slots = NULL};
        held->processes = count;
    }
    return &held->tables[process];
}

static void make(struct held *held, struct block_table *table, const struct held_event *event)
{
    const struct block_slot made = {event->ptr, event->size};
    bool strange;

    block_put(table, SLOT, &made, &strange);
    held->blocks++;
    held->bytes += block_size(&made);
}

/* The one that is `aside` rather than the other, or the other way round. */
static void end(struct held *held, struct block_table *table, uint64_t ptr, bool aside_first,
                bool other_too)
{
    struct block_slot *slot = block_find(table, SLOT, ptr, aside_first);

    if (!slot && other_too)
        slot = block_find(table, SLOT, ptr, !aside_first);
    if (!slot) {
        held->unknown += ptr != 0;
        return;
    }
    held->blocks--;
    held->bytes -= block_size(slot);
    block_take_out(table, SLOT, slot);
}

static void leave_all(struct held *held, struct block_table *table)
{
    for (size_t i = 0; i < table->room; i++) {
        const struct block_slot *slot = block_at(table, SLOT, i);
        if (slot->ptr) {
            held->blocks--;
            held->bytes -= block_size(slot);
        }
    }
    block_table_clear(table);
}

static void take_effect(struct held *held, const struct held_event *event)
{
    struct block_table *table = table_of(held, event->process);

    if (event->op == TRACE_FREE) {
        end(held, table, event->ptr, false, true);
    } else if (event->op == TRACE_EXEC || event->op == TRACE_EXIT) {
        leave_all(held, table);
    } else if (event->ptr) { /* else it failed: the old one stays */
        if (event->op == TRACE_REALLOC) {
            bool moved = event->old != event->ptr;
            end(held, table, event->old, moved, moved);
        }
        make(held, table, event);
    }
    if (held->bytes > held->peak_bytes) {
        held->peak_bytes = held->bytes;
        held->peak_time = event->time;
    }
}

static void take_first(struct held *held)
{
    take_effect(held, &held->waiting[held->first]);
    held->first = (held->first + 1) % HELD_WAITING;
    held->count--;
}

void held_settle(struct held *held)
{
    while (held->count > 0)
        take_first(held);
}

void held_apply(struct held *held, const struct trace_event *event)
{
    bool is_end = event->op == TRACE_EXEC || event->op == TRACE_EXIT;
    const struct held_event own = {.op = event->op,
                                   .process = event->process,
                                   .ptr = event->ptr,
                                   .old = event->old,
                                   .size = event->size,
                                   .time = event->time};

    if (event->op > TRACE_FREE && !is_end)
        return;
    if (held->count == HELD_WAITING)
        take_first(held);
    held->waiting[(held->first + held->count++) % HELD_WAITING] = own;
    struct block_table *table = table_of(held, event->process);
    if (table->room) {
        __builtin_prefetch(block_place(table, SLOT, own.ptr), 1);
        if (own.op == TRACE_REALLOC)
            __builtin_prefetch(block_place(table, SLOT, own.old), 1);
    }
    if (is_end)
        held_settle(held);
}
