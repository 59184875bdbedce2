/* SPDX-License-Identifier: MIT */
/*
 * See held.h. The tables are those of trace/live.c (open addressing, deletion by moving back), with
 * smaller slots, and the rules are the same: an address given out while it is live belongs to a block
 * that a realloc is moving, which stays aside until that realloc comes.
 *
 * Most of the time of a look-up is a cache miss. So an event only asks for its slot when it comes, and
 * is applied when some more have come: the misses of those overlap.
 */
#define _GNU_SOURCE
#include "record/held.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "own_memory.h"

/* No block has half of the address space: the uppermost bit of the size says that it is
 * aside. */
#define ASIDE (UINT64_C(1) << 63)

struct slot {
    uint64_t ptr; /* 0: empty */
    uint64_t size;
};

struct held_table {
    struct slot *slots;
    size_t room, used; /* room: a power of two, or 0 */
};

enum { FIRST_ROOM = 64, MANY = 1 << 18, OS_PAGE = 65536 }; /* OS_PAGE: or less */

void held_init(struct held *held)
{
    *held = (struct held){.tables = NULL};
}

void held_fini(struct held *held)
{
    for (size_t i = 0; i < held->processes; i++)
        free(held->tables[i].slots);
    free(held->tables);
    held_init(held);
}

/* ---- the table of a process ---- */

static size_t home(const struct held_table *table, uint64_t ptr)
{
    uint64_t mixed = (ptr >> 4 ^ ptr << 60) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 20 ^ mixed >> 44) & (table->room - 1);
}

static void put(struct held_table *table, struct slot slot)
{
    size_t at = home(table, slot.ptr);

    for (; table->slots[at].ptr; at = (at + 1) & (table->room - 1))
        if (table->slots[at].ptr == slot.ptr && !(slot.size & ASIDE))
            table->slots[at].size |= ASIDE;
    table->slots[at] = slot;
    table->used++;
}

static void grow(struct held_table *table)
{
    struct slot *old = table->slots;
    size_t room = table->room;

    table->room = room ? room * 2 : FIRST_ROOM;
    table->slots = memory_take(table->room, sizeof *old);
    if (table->room >= MANY) /* a hint: fewer misses in the TLB; it may fail */
        madvise((void *)(((uintptr_t)table->slots + OS_PAGE - 1) & ~(uintptr_t)(OS_PAGE - 1)),
                table->room * sizeof *old - OS_PAGE, MADV_HUGEPAGE);
    table->used = 0;
    for (size_t i = 0; i < room; i++) {
        if (!old[i].ptr)
            continue;
        size_t at = home(table, old[i].ptr);
        while (table->slots[at].ptr)
            at = (at + 1) & (table->room - 1);
        table->slots[at] = old[i];
        table->used++;
    }
    free(old);
}

static struct slot *find(struct held_table *table, uint64_t ptr, bool aside)
{
    if (!table->room || !ptr)
        return NULL;
    for (size_t at = home(table, ptr); table->slots[at].ptr; at = (at + 1) & (table->room - 1))
        if (table->slots[at].ptr == ptr && (table->slots[at].size & ASIDE) == (aside ? ASIDE : 0))
            return &table->slots[at];
    return NULL;
}

static void take_out(struct held_table *table, struct slot *slot)
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

/* ---- events ---- */

static struct held_table *table_of(struct held *held, uint32_t process)
{
    if (process >= held->processes) {
        size_t count = (size_t)process + 1;
        if (count < held->processes * 2)
            count = held->processes * 2;
        held->tables = memory_resize(held->tables, count, sizeof *held->tables);
        for (size_t i = held->processes; i < count; i++)
            held->tables[i] = (struct held_table){.slots = NULL};
        held->processes = count;
    }
    return &held->tables[process];
}

static void make(struct held *held, struct held_table *table, const struct held_event *event)
{
    if (table->used + table->used / 3 >= table->room)
        grow(table);
    put(table, (struct slot){event->ptr, event->size & ~ASIDE});
    held->blocks++;
    held->bytes += event->size & ~ASIDE;
}

/* The one that is `aside` rather than the other, or the other way round. */
static void end(struct held *held, struct held_table *table, uint64_t ptr, bool aside_first,
                bool other_too)
{
    struct slot *slot = find(table, ptr, aside_first);

    if (!slot && other_too)
        slot = find(table, ptr, !aside_first);
    if (!slot) {
        held->unknown += ptr != 0;
        return;
    }
    held->blocks--;
    held->bytes -= slot->size & ~ASIDE;
    take_out(table, slot);
}

static void leave_all(struct held *held, struct held_table *table)
{
    for (size_t i = 0; i < table->room; i++) {
        if (table->slots[i].ptr) {
            held->blocks--;
            held->bytes -= table->slots[i].size & ~ASIDE;
        }
    }
    free(table->slots);
    *table = (struct held_table){.slots = NULL};
}

static void take_effect(struct held *held, const struct held_event *event)
{
    struct held_table *table = table_of(held, event->process);

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
    struct held_table *table = table_of(held, event->process);
    if (table->room) {
        __builtin_prefetch(&table->slots[home(table, own.ptr)], 1);
        if (own.op == TRACE_REALLOC)
            __builtin_prefetch(&table->slots[home(table, own.old)], 1);
    }
    if (is_end)
        held_settle(held);
}
