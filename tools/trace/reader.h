/* SPDX-License-Identifier: MIT */
/*
 * Reads a trace in any of its forms, told apart by their first bytes: as `cairn record` writes it,
 * as text, and as the kit's traced allocator writes it in binary. One pass, in order; memory for
 * the tables only. A file that is not read to its end because it is cut short or damaged yields all
 * events before that place.
 */
#ifndef CAIRN_TOOLS_TRACE_READER_H
#define CAIRN_TOOLS_TRACE_READER_H

#include "trace/event.h"

struct trace_reader;

/* NULL after a message (which names a version of the future). "-" is standard input. */
struct trace_reader *trace_open(const char *path);
void trace_close(struct trace_reader *reader);

/* The next event. False: the end, or damage. */
bool trace_next(struct trace_reader *reader, struct trace_event *event);

/* After the end: NULL if the file is whole; else what is wrong with it and where, as a sentence
 * ("cut short at byte 4096, after event 17"). The reader keeps it. */
const char *trace_damage(const struct trace_reader *reader);

const struct trace_info *trace_info(const struct trace_reader *reader);

/* How much of the file has been read, for progress: 0 to 1. */
double trace_progress(const struct trace_reader *reader);

/* The tables. An index that an event had, or smaller, is always good; what is returned stays valid
 * until trace_close, the pointers in it too. */
const struct trace_process *trace_process(const struct trace_reader *reader, uint32_t index);
const struct trace_thread *trace_thread(const struct trace_reader *reader, uint32_t index);
const struct trace_module *trace_module(const struct trace_reader *reader, uint32_t index);
struct trace_node trace_node(const struct trace_reader *reader, uint32_t node);
uint32_t trace_processes(const struct trace_reader *reader);
uint32_t trace_threads(const struct trace_reader *reader);
uint32_t trace_modules(const struct trace_reader *reader);
uint32_t trace_nodes(const struct trace_reader *reader); /* with the root */

#endif
