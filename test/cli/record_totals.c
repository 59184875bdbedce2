/* SPDX-License-Identifier: MIT */
/*
 * What a recording says was allocated, in the lines of record_count.c, to be compared with them:
 *
 *   record_totals TRACE processes        "index parent pid events live_blocks how_it_ended" each
 *   record_totals TRACE PID EVERY        a line each EVERY calls of that process, and one at its end
 *   record_totals TRACE PID size SIZE    a line before each block of SIZE bytes, and one at its end
 *   record_totals TRACE PID stack SIZE   the calls that led to the first block of SIZE bytes: a line
 *                                        "module 0xoffset" each, innermost first
 *
 * Fails if the trace is damaged, if numbers do not grow or times go back, or if something is
 * referred to that is not defined. Of a process that executed other programs, PID means the last.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "trace/live.h"
#include "trace/reader.h"

struct sums {
    unsigned long calls, allocations, frees, blocks, bytes, left;
    const char *end;
    uint64_t status;
};

static struct sums *sums;
static uint32_t sums_count;

static struct sums *of(uint32_t process)
{
    if (process >= sums_count) {
        sums = memory_resize(sums, process + 1, sizeof *sums);
        memset(sums + sums_count, 0, (process + 1 - sums_count) * sizeof *sums);
        sums_count = process + 1;
    }
    return &sums[process];
}

static _Noreturn void fail(const char *what, const struct trace_event *event)
{
    printf("bad: %s at event %" PRIu64 "\n", what, event->number);
    exit(1);
}

static void check(const struct trace_reader *trace, const struct trace_event *event)
{
    static uint64_t number, time;

    if (event->number <= number)
        fail("number", event);
    if (event->time < time)
        fail("time", event);
    number = event->number;
    time = event->time;
    if (event->process >= trace_processes(trace))
        fail("process", event);
    if (event->op < TRACE_PROCESS && event->thread >= trace_threads(trace))
        fail("thread", event);
    if (event->op < TRACE_PROCESS && trace_thread(trace, event->thread)->process != event->process)
        fail("thread of another process", event);
    if (event->stack >= trace_nodes(trace))
        fail("stack", event);
}

static void print(const struct sums *s)
{
    printf("%lu %lu %lu %lu %lu\n", s->calls, s->allocations, s->frees, s->blocks, s->bytes);
}

static void print_stack(const struct trace_reader *trace, uint32_t stack)
{
    while (stack) {
        struct trace_node node = trace_node(trace, stack);
        printf("%s 0x%" PRIx64 "\n", trace_module(trace, node.module)->path, node.offset);
        stack = node.parent;
    }
}

static void add(struct sums *s, const struct trace_event *event, const struct live_change *change)
{
    if (event->op == TRACE_EXEC || event->op == TRACE_EXIT) {
        s->left = s->blocks;
        s->end = event->op == TRACE_EXEC ? "exec" : "exit";
        s->status = event->size;
    }
    if (event->op >= TRACE_PROCESS)
        return;
    s->calls++;
    s->allocations += event->op != TRACE_FREE;
    s->frees += event->op == TRACE_FREE;
    s->blocks += change->made - change->ended;
    if (change->ended)
        s->bytes -= change->before.size;
    if (change->made)
        s->bytes += change->block->size;
}

/* The last process of this number; there may be more to come, so this needs a pass of its own. */
static uint32_t process_of_pid(const char *path, int pid)
{
    struct trace_reader *trace = trace_open(path);
    struct trace_event event;
    uint32_t found = UINT32_MAX;

    while (trace && trace_next(trace, &event))
        ;
    for (uint32_t i = 0; trace && i < trace_processes(trace); i++)
        if (trace_process(trace, i)->pid == pid)
            found = i;
    if (trace)
        trace_close(trace);
    return found;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    bool all = strcmp(argv[2], "processes") == 0;
    bool by_stack = argc > 4 && strcmp(argv[3], "stack") == 0;
    bool by_size = argc > 4 && (by_stack || strcmp(argv[3], "size") == 0);
    uint32_t wanted = all ? UINT32_MAX : process_of_pid(argv[1], atoi(argv[2]));
    unsigned long every = !all && argc > 3 && !by_size ? strtoul(argv[3], NULL, 10) : 0;
    unsigned long size = by_size ? strtoul(argv[4], NULL, 10) : 0;
    struct trace_reader *trace = trace_open(argv[1]);
    struct trace_event event;
    struct live live;

    if (!trace)
        return 1;
    live_init(&live);
    while (trace_next(trace, &event)) {
        check(trace, &event);
        struct sums *s = of(event.process);
        if (by_size && event.process == wanted && event.op == TRACE_ALLOC && event.size == size) {
            if (!by_stack) {
                print(s);
            } else {
                print_stack(trace, event.stack);
                return 0;
            }
        }
        struct live_change change = live_apply(&live, &event, NULL, NULL);
        add(s, &event, &change);
        if (event.process == wanted && event.op < TRACE_PROCESS && every && s->calls % every == 0)
            print(s);
    }
    if (wanted != UINT32_MAX && wanted < sums_count)
        print(&sums[wanted]);
    for (uint32_t i = 0; all && i < sums_count; i++)
        printf("%u %u %d %lu %lu %s %" PRId64 "\n", i, trace_process(trace, i)->parent,
               trace_process(trace, i)->pid, sums[i].calls, sums[i].left,
               sums[i].end ? sums[i].end : "open", (int64_t)sums[i].status);
    if (live.strange)
        printf("strange: %" PRIu64 "\n", live.strange);
    if (trace_damage(trace))
        printf("damaged: %s\n", trace_damage(trace));
    return trace_damage(trace) != NULL || live.strange != 0;
}
