/* SPDX-License-Identifier: MIT */
/*
 * The live blocks of a trace: see live.h. One hash table a process, by address: open addressing
 * with linear probing, at most 3/4 full, deletion by moving back what follows (Knuth, The Art of
 * Computer Programming 3, 6.4, algorithm R), so that no marks are left behind.
 *
 * A block whose address is given out again while it lives stands beside the newer one in the table,
 * marked `aside`: a realloc that moved it is to come. REALLOC takes one aside first; FREE takes
 * the newer one, because a block under way in a realloc cannot be freed by anybody. Those for
 * which no realloc came stay counted in `strange`.
 */
#define _GNU_SOURCE
#include "trace/live.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "own_memory.h"

struct slot {
    uint64_t ptr; /* 0: empty */
    uint64_t size, number, time;
    uint32_t thread, stack, tag;
    uint8_t align_log; /* 0: align 0, else its logarithm + 1 */
    bool aside;
};

struct live_table {
    struct slot *slots;
    size_t room, used;       /* room: a power of two, or 0 */
    struct live_block block; /* what live_change.block points to; ptr 0: nothing */
    size_t block_at;         /* its slot: nothing moves before the next event of the process */
};

enum { FIRST_ROOM = 64, MANY = 1 << 17, OS_PAGE = 65536 }; /* OS_PAGE: or less */

void live_init(struct live *live)
{
    *live = (struct live){.tables = NULL};
}

void live_fini(struct live *live)
{
    for (size_t i = 0; i < live->processes; i++)
        free(live->tables[i].slots);
    free(live->tables);
    live_init(live);
}

static size_t home(const struct live_table *table, uint64_t ptr)
{
    uint64_t mixed = (ptr >> 4 ^ ptr << 60) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 20 ^ mixed >> 44) & (table->room - 1);
}

/* `there`, unless NULL, becomes the block that has that address and is not aside; or NULL. */
static size_t put(struct live_table *table, const struct slot *slot, struct slot **there)
{
    size_t at = home(table, slot->ptr);
    for (; table->slots[at].ptr; at = (at + 1) & (table->room - 1))
        if (there && table->slots[at].ptr == slot->ptr && !table->slots[at].aside)
            *there = &table->slots[at];
    table->slots[at] = *slot;
    table->used++;
    return at;
}

static void grow(struct live_table *table)
{
    struct slot *old = table->slots;
    size_t room = table->room;

    table->room = room ? room * 2 : FIRST_ROOM;
    table->slots = memory_take(table->room, sizeof *old);
    if (table->room >= MANY) /* a hint: fewer misses in the TLB; it may fail */
        madvise((void *)(((uintptr_t)table->slots + OS_PAGE - 1) & ~(uintptr_t)(OS_PAGE - 1)),
                table->room * sizeof *old - OS_PAGE, MADV_HUGEPAGE);
    table->used = 0;
    for (size_t i = 0; i < room; i++)
        if (old[i].ptr)
            put(table, &old[i], NULL);
    free(old);
}

/* The slot of ptr that is `aside` or not; NULL if there is none. */
static struct slot *find(struct live_table *table, uint64_t ptr, bool aside)
{
    if (!table->room || !ptr)
        return NULL;
    for (size_t at = home(table, ptr); table->slots[at].ptr; at = (at + 1) & (table->room - 1))
        if (table->slots[at].ptr == ptr && table->slots[at].aside == aside)
            return &table->slots[at];
    return NULL;
}

static void take_out(struct live_table *table, struct slot *slot)
{
    size_t mask = table->room - 1, hole = (size_t)(slot - table->slots);

    for (size_t at = (hole + 1) & mask; table->slots[at].ptr; at = (at + 1) & mask) {
        size_t way = (at - home(table, table->slots[at].ptr)) & mask;
        if (way >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole].ptr = 0;
    table->used--;
}

static struct live_block block_of(const struct slot *slot, uint32_t process)
{
    return (struct live_block){
        .ptr = slot->ptr,
        .size = slot->size,
        .align = slot->align_log ? UINT64_C(1) << (slot->align_log - 1) : 0,
        .number = slot->number,
        .time = slot->time,
        .process = process,
        .thread = slot->thread,
        .stack = slot->stack,
        .tag = slot->tag,
    };
}

static struct live_table *table_of(struct live *live, uint32_t process)
{
    if (process >= live->processes) {
        size_t count = (size_t)process + 1;
        if (count < live->processes * 2)
            count = live->processes * 2;
        live->tables = memory_resize(live->tables, count, sizeof *live->tables);
        for (size_t i = live->processes; i < count; i++)
            live->tables[i] = (struct live_table){.slots = NULL};
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
    live->bytes -= slot->size;
    take_out(table, slot);
}

static void make(struct live *live, struct live_table *table, const struct trace_event *event,
                 uint32_t tag, struct live_change *change)
{
    struct slot *there = NULL;
    struct slot made = {.ptr = event->ptr,
                        .size = event->size,
                        .number = event->number,
                        .time = event->time,
                        .thread = event->thread,
                        .stack = event->stack,
                        .tag = tag};

    if (event->align)
        made.align_log = (uint8_t)(64 - __builtin_clzll(event->align));
    if (table->used + table->used / 3 >= table->room)
        grow(table);
    table->block_at = put(table, &made, &there);
    if (there) {
        there->aside = true;
        live->strange++;
    }
    live->blocks++;
    live->bytes += event->size;
    table->block = block_of(&made, event->process);
    change->made = true;
    change->block = &table->block;
}

static void leave_all(struct live *live, struct live_table *table, uint32_t process,
                      void (*leave)(void *context, const struct live_block *block), void *context)
{
    for (size_t i = 0; i < table->room; i++) {
        if (!table->slots[i].ptr)
            continue;
        struct live_block block = block_of(&table->slots[i], process);
        live->blocks--;
        live->bytes -= block.size;
        if (leave)
            leave(context, &block);
    }
    free(table->slots);
    *table = (struct live_table){.slots = NULL};
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
        table->slots[table->block_at].tag = table->block.tag; /* the reader may have set it */
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
        for (size_t at = 0; at < table->room; at++) {
            if (!table->slots[at].ptr)
                continue;
            struct live_block block = block_of(&table->slots[at], (uint32_t)i);
            if (table->block.ptr && at == table->block_at)
                block.tag = table->block.tag;
            visit(context, &block);
        }
    }
}
