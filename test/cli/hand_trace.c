/* SPDX-License-Identifier: MIT */
/* Traces made by hand: see hand_trace.h. */
#include "hand_trace.h"

#include <stdlib.h>
#include <string.h>

enum { PROCESSES = 8, THREADS = 256, NODES = 256, EVENTS = 1 << 17 };

struct trace_reader {
    struct trace_info info;
    struct trace_process processes[PROCESSES];
    struct trace_thread threads[THREADS];
    struct trace_node nodes[NODES];
    struct trace_event events[EVENTS];
    uint32_t process_count, thread_count, node_count, event_count, next;
    const char *damage;
};

static struct trace_reader hand;

static void need(int good)
{
    if (!good)
        abort();
}

void hand_begin(void)
{
    memset(&hand, 0, sizeof hand);
    hand.info = (struct trace_info){.command = "by hand", .machine = "none", .page_size = 4096};
    hand.node_count = 1;
    hand_thread(hand_process(100));
}

uint32_t hand_process(int pid)
{
    need(hand.process_count < PROCESSES);
    hand.processes[hand.process_count] = (struct trace_process){.pid = pid, .command = "hand"};
    return hand.process_count++;
}

uint32_t hand_thread(uint32_t process)
{
    need(hand.thread_count < THREADS);
    hand.threads[hand.thread_count] = (struct trace_thread){
        .process = process, .tid = 100 + (int)hand.thread_count, .name = "worker"};
    return hand.thread_count++;
}

uint32_t hand_node(uint32_t parent, uint32_t module, uint64_t offset)
{
    need(hand.node_count < NODES && parent < hand.node_count);
    hand.nodes[hand.node_count] = (struct trace_node){parent, module, offset};
    return hand.node_count++;
}

void hand_damage(const char *damage)
{
    hand.damage = damage;
}

static void add(struct trace_event event)
{
    need(hand.event_count < EVENTS);
    event.number = 10 + 2 * (uint64_t)hand.event_count; /* with gaps */
    hand.events[hand.event_count++] = event;
}

void hand_alloc(uint64_t time, uint32_t thread, uint32_t stack, uint64_t ptr, uint64_t size)
{
    add((struct trace_event){.op = TRACE_ALLOC,
                             .process = hand.threads[thread].process,
                             .thread = thread,
                             .stack = stack,
                             .time = time,
                             .ptr = ptr,
                             .size = size});
}

void hand_realloc(uint64_t time, uint32_t thread, uint32_t stack, uint64_t old, uint64_t ptr,
                  uint64_t size)
{
    add((struct trace_event){.op = TRACE_REALLOC,
                             .process = hand.threads[thread].process,
                             .thread = thread,
                             .stack = stack,
                             .time = time,
                             .ptr = ptr,
                             .old = old,
                             .size = size});
}

void hand_free(uint64_t time, uint32_t thread, uint64_t ptr)
{
    add((struct trace_event){.op = TRACE_FREE,
                             .process = hand.threads[thread].process,
                             .thread = thread,
                             .time = time,
                             .ptr = ptr});
}

void hand_op(uint64_t time, enum trace_op op, uint32_t process)
{
    add((struct trace_event){.op = op, .process = process, .time = time});
}

/*
 * --- the reader ---------------------------------------------------------------------------------
 */

struct trace_reader *trace_open(const char *path)
{
    if (strcmp(path, "hand") != 0)
        return NULL;
    hand.next = 0;
    return &hand;
}

void trace_close(struct trace_reader *reader)
{
    (void)reader;
}

bool trace_next(struct trace_reader *reader, struct trace_event *event)
{
    if (reader->next == reader->event_count)
        return false;
    *event = reader->events[reader->next++];
    return true;
}

const char *trace_damage(const struct trace_reader *reader)
{
    return reader->damage;
}

const struct trace_info *trace_info(const struct trace_reader *reader)
{
    return &reader->info;
}

double trace_progress(const struct trace_reader *reader)
{
    return (double)reader->next / (reader->event_count + 1);
}

const struct trace_process *trace_process(const struct trace_reader *reader, uint32_t index)
{
    need(index < reader->process_count);
    return &reader->processes[index];
}

const struct trace_thread *trace_thread(const struct trace_reader *reader, uint32_t index)
{
    need(index < reader->thread_count);
    return &reader->threads[index];
}

const struct trace_module *trace_module(const struct trace_reader *reader, uint32_t index)
{
    static const struct trace_module module = {"/bin/hand", ""};

    (void)reader;
    (void)index;
    return &module;
}

struct trace_node trace_node(const struct trace_reader *reader, uint32_t node)
{
    need(node > 0 && node < reader->node_count);
    return reader->nodes[node];
}

uint32_t trace_processes(const struct trace_reader *reader)
{
    return reader->process_count;
}

uint32_t trace_threads(const struct trace_reader *reader)
{
    return reader->thread_count;
}

uint32_t trace_modules(const struct trace_reader *reader)
{
    (void)reader;
    return 1;
}

uint32_t trace_nodes(const struct trace_reader *reader)
{
    return reader->node_count;
}
