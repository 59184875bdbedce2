/* SPDX-License-Identifier: MIT */
/*
 * Writes a trace: the compressed form, or text. What is defined and written goes to the file in
 * blocks; a file that is cut short anywhere is good up to its last whole block. Definitions come
 * before the events that use them, as the functions here are called. Not thread-safe.
 */
#ifndef CAIRN_TOOLS_TRACE_WRITER_H
#define CAIRN_TOOLS_TRACE_WRITER_H

#include <stdio.h>

#include "trace/event.h"

struct trace_writer;

enum trace_form { TRACE_COMPRESSED, TRACE_TEXT };

/* Writes to `stream`, which stays the caller's (see output.h for how files are opened). */
struct trace_writer *trace_writer_create(FILE *stream, enum trace_form form,
                                         const struct trace_info *info);

/* Each returns the index of what it defines. Equal modules, and equal nodes, are defined once. */
uint32_t trace_add_process(struct trace_writer *writer, const struct trace_process *process);
uint32_t trace_add_thread(struct trace_writer *writer, const struct trace_thread *thread);
uint32_t trace_add_module(struct trace_writer *writer, const struct trace_module *module);
uint32_t trace_add_node(struct trace_writer *writer, const struct trace_node *node);

/* The number must be larger than that of the event before. */
void trace_write(struct trace_writer *writer, const struct trace_event *event);

/* What is buffered goes to the file, as a block. */
void trace_flush(struct trace_writer *writer);

/* Bytes written so far, and 0 or the errno of the first write that failed: nothing is written after
 * that. */
uint64_t trace_written(const struct trace_writer *writer);
int trace_error(const struct trace_writer *writer);

/* Ends the file so that readers know that it is whole, and the writer. False: not all of it could be
 * written (after a message). */
bool trace_finish(struct trace_writer *writer);

#endif
