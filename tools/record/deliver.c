/* SPDX-License-Identifier: MIT */
/*
 * From records, in order, to the trace: numbers of lanes, processes and stacks become those of the
 * trace, and definitions are written before what uses them. On the way the live blocks are counted.
 */
#include <stdlib.h>
#include <string.h>

#include "record/recorder.h"

static void write_event(struct recorder *recorder, struct trace_event *event)
{
    event->number = ++recorder->number;
    trace_write(recorder->writer, event);
    recorder->totals.events++;
    held_apply(&recorder->held, event);
}

static void write_about(struct recorder *recorder, enum trace_op op, uint32_t process,
                        uint32_t thread, uint64_t time)
{
    write_event(recorder, &(struct trace_event){
                              .op = op, .process = process, .thread = thread, .time = time});
}

/* All blocks of the process end with it. */
static void write_end(struct recorder *recorder, struct trace_event *event)
{
    held_settle(&recorder->held);
    uint64_t blocks = recorder->held.blocks, bytes = recorder->held.bytes;

    write_event(recorder, event);
    recorder->totals.left_blocks += blocks - recorder->held.blocks;
    recorder->totals.left_bytes += bytes - recorder->held.bytes;
}

/* ---- definitions ---- */

static const char *text_in(const struct record *record, uint64_t head)
{
    char *text = (char *)&record->payload[head];

    if (record->size <= head)
        return "";
    text[(record->size - head) * sizeof(uint64_t) - 1] = '\0';
    return text;
}

static void forget_lanes(struct recorder *recorder, const struct recorded *process)
{
    for (unsigned i = 0; i < RING_LANES; i++)
        if (recorder->lanes[i].process == process)
            recorder->lanes[i].process = NULL;
}

/* The image of a process that executes another program. */
static void end_image(struct recorder *recorder, struct recorded *before, uint64_t time)
{
    write_end(recorder,
              &(struct trace_event){.op = TRACE_EXEC, .process = before->index, .time = time});
    for (unsigned i = 0; i < RING_LANES; i++) /* free for others once they are read */
        if (recorder->lanes[i].process == before)
            atomic_store_explicit(&shared_lane(recorder->shared, i)->left, 1, memory_order_release);
    forget_lanes(recorder, before);
    processes_remove(&recorder->processes, before);
}

static void deliver_process(struct recorder *recorder, const struct record *record, uint64_t time)
{
    if (record->size < 3)
        return;
    uint32_t serial = (uint32_t)record->payload[0];
    uint32_t forked_by = (uint32_t)(record->payload[0] >> 32);
    int pid = (int)(uint32_t)record->payload[1], parent_pid = (int)(record->payload[1] >> 32);
    uint64_t space = record->payload[2], next = recorder->order.next;
    struct recorded *before = processes_of_pid(&recorder->processes, pid, space, next);
    struct recorded *parent = before;

    if (!parent && forked_by)
        parent = processes_of_serial(&recorder->processes, forked_by);
    if (!parent)
        parent = processes_of_pid(&recorder->processes, parent_pid, space, next);
    struct trace_process definition = {
        .parent = parent ? parent->index : recorder->totals.processes,
        .pid = pid,
        .command = text_in(record, 3),
    };
    uint32_t index = trace_add_process(recorder->writer, &definition);
    if (before)
        end_image(recorder, before, time);
    struct recorded *process = processes_add(&recorder->processes, serial, pid, space);
    process->index = index;
    recorder->lanes[record->lane].process = process;
    recorder->totals.processes++;
    write_about(recorder, TRACE_PROCESS, index, 0, time);
}

static struct known_thread *new_thread(struct recorder *recorder, struct recorded *process, int tid,
                                       const char *name, uint64_t time)
{
    uint32_t index = trace_add_thread(
        recorder->writer,
        &(struct trace_thread){.process = process->index, .tid = tid, .name = name});

    recorder->totals.threads++;
    write_about(recorder, TRACE_THREAD, process->index, index, time);
    return recorded_add_thread(process, tid, index);
}

static void deliver_thread(struct recorder *recorder, struct lane_reader *lane,
                           const struct record *record, uint64_t time)
{
    if (record->size < 2)
        return;
    bool own = record->stack != 0;
    struct recorded *process = processes_of_serial(&recorder->processes,
                                                   (uint32_t)record->payload[0]);
    lane->process = process;
    lane->tid = (int)record->payload[1];
    if (!process)
        return;
    struct known_thread *thread = recorded_thread(process, lane->tid);
    if (!thread || (own && thread->ended))
        thread = new_thread(recorder, process, lane->tid, text_in(record, 2), time);
    lane->thread = thread->index;
}

static void deliver_module(struct recorder *recorder, struct recorded *process,
                           const struct record *record)
{
    if (record->size < 4)
        return;
    const char *path = text_in(record, 3);
    size_t room = (record->size - 3) * sizeof(uint64_t), length = strlen(path);
    struct loaded loaded = {
        .bias = record->payload[0], .start = record->payload[1], .end = record->payload[2]};
    struct trace_module module = {.path = path,
                                  .build_id = length + 1 < room ? path + length + 1 : ""};

    loaded.module = trace_add_module(recorder->writer, &module);
    recorded_load(process, &loaded);
}

static void deliver_stack(struct recorder *recorder, struct lane_reader *lane,
                          const struct record *record)
{
    uint32_t node = recorded_stack(lane->process, recorder->writer, record->payload, record->size);

    if (record->stack == RING_STACK_NEXT)
        lane->next_stack = node;
    else if (record->stack <= RING_STACK_NUMBER)
        recorded_set_node(lane->process, record->stack, node);
}

/* ---- events ---- */

static void deliver_event(struct recorder *recorder, const struct lane_reader *lane,
                          const struct record *record, uint64_t time)
{
    struct trace_event event = {
        .process = lane->process->index,
        .thread = lane->thread,
        .time = time,
        .ptr = record->ptr,
        .old = record->old,
        .size = record->size,
        .align = record->align,
    };

    if (record->stack == RING_STACK_NEXT)
        event.stack = lane->next_stack;
    else if (record->stack)
        event.stack = recorded_node(lane->process, record->stack);
    if (record->kind == RING_FREE) {
        event.op = TRACE_FREE;
        recorder->totals.frees++;
    } else {
        bool is_realloc = record->kind == RING_REALLOC || record->kind == RING_REALLOC_WIDE;
        event.op = is_realloc ? TRACE_REALLOC : record->zeroed ? TRACE_ALLOC_ZEROED : TRACE_ALLOC;
        recorder->totals.allocations++;
        recorder->totals.failed += record->ptr == 0;
    }
    write_event(recorder, &event);
}

void deliver_thread_end(struct recorder *recorder, struct lane_reader *lane)
{
    struct known_thread *thread = lane->process ? recorded_thread(lane->process, lane->tid) : NULL;

    if (!thread || thread->ended || thread->index != lane->thread)
        return;
    thread->ended = true;
    write_about(recorder, TRACE_THREAD_END, lane->process->index, thread->index,
                recorder->timing.last);
}

void deliver_record(void *context, struct record *record)
{
    struct recorder *recorder = context;
    struct lane_reader *lane = &recorder->lanes[record->lane];
    uint64_t time = timing_of(&recorder->timing, record->time);

    if (record->kind == RING_PROCESS)
        deliver_process(recorder, record, time);
    else if (record->kind == RING_THREAD)
        deliver_thread(recorder, lane, record, time);
    else if (!lane->process)
        recorder->totals.lost += record->kind < RING_STACK;
    else if (record->kind == RING_STACK)
        deliver_stack(recorder, lane, record);
    else if (record->kind == RING_MODULE)
        deliver_module(recorder, lane->process, record);
    else if (record->kind == RING_THREAD_END)
        deliver_thread_end(recorder, lane);
    else
        deliver_event(recorder, lane, record, time);
    free(record->payload);
}

void deliver_exit(struct recorder *recorder, struct recorded *process)
{
    int program = atomic_load_explicit(&recorder->program, memory_order_acquire);
    bool is_program = process->pid == program && process->space == 0;
    int status = is_program ? recorder->status : STATUS_UNKNOWN;

    recorder->totals.program_processes += is_program;
    write_end(recorder, &(struct trace_event){.op = TRACE_EXIT,
                                              .process = process->index,
                                              .time = recorder->timing.last,
                                              .size = (uint64_t)(int64_t)status});
    forget_lanes(recorder, process);
    processes_remove(&recorder->processes, process);
}
