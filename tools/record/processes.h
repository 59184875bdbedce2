/* SPDX-License-Identifier: MIT */
/*
 * The processes that are recorded: what the recorder has to know of each, from its first record to
 * its end. They are told apart by the serial that each takes when its recording starts, so that a
 * number that the system uses again does no harm. A process that executes another program starts
 * anew, with a new serial. One in another namespace of process numbers has a number that says nothing
 * here: the one that it has here is looked for.
 */
#ifndef CAIRN_TOOLS_RECORD_PROCESSES_H
#define CAIRN_TOOLS_RECORD_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/writer.h"

struct loaded {
    uint64_t start, end, bias;
    uint32_t module; /* of the trace */
};

struct known_thread {
    int tid;
    uint32_t index; /* of the trace */
    bool ended;
};

struct recorded {
    uint32_t serial, index; /* of the trace */
    int pid;
    uint64_t space;  /* the namespace of pid; 0: the recorder's own */
    int handle;      /* pidfd, or -1 */
    bool dead;       /* but not yet told of */
    uint64_t until;  /* then: numbers before this one may still be its */
    uint32_t *nodes; /* by stack number: of the trace */
    size_t nodes_room;
    struct loaded *loaded; /* by address */
    size_t loaded_count;
    struct known_thread *threads;
    size_t threads_count;
};

struct processes {
    struct recorded **list; /* those that live, in no order */
    size_t count, ever;
};

struct recorded *processes_add(struct processes *processes, uint32_t serial, int pid,
                               uint64_t space);
void processes_remove(struct processes *processes, struct recorded *process);
void processes_fini(struct processes *processes);

/* NULL: there is none. */
struct recorded *processes_of_serial(const struct processes *processes, uint32_t serial);
/* As of the event before the number `next`: it may have been seen to die since. */
struct recorded *processes_of_pid(const struct processes *processes, int pid, uint64_t space,
                                  uint64_t next);

/* Whether it would not be noticed that the process ends. */
bool recorded_is_hidden(const struct recorded *process);

/* Notes which have died since; `number` is the next one that a program would take. */
void processes_look(struct processes *processes, uint64_t number);

/* Whether the thread is gone for certain. */
bool processes_thread_is_gone(int pid, int tid);

/* A file was loaded: it takes the place of what was there. */
void recorded_load(struct recorded *process, const struct loaded *loaded);

/* The node of a stack of return addresses, innermost first. */
uint32_t recorded_stack(const struct recorded *process, struct trace_writer *writer,
                        const uint64_t *frames, size_t count);

/* Stack numbers and their nodes; 0: never told. */
void recorded_set_node(struct recorded *process, uint32_t number, uint32_t node);
uint32_t recorded_node(const struct recorded *process, uint32_t number);

/* NULL: not seen yet. */
struct known_thread *recorded_thread(const struct recorded *process, int tid);
struct known_thread *recorded_add_thread(struct recorded *process, int tid, uint32_t index);

#endif
