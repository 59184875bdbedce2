/* SPDX-License-Identifier: MIT */
/*
 * Traces made by hand, in memory, in place of those that trace/reader.h reads from files: a test adds
 * events and tables, and hands the trace to what it tests. There is one at a time.
 */
#ifndef CAIRN_TEST_CLI_HAND_TRACE_H
#define CAIRN_TEST_CLI_HAND_TRACE_H

#include "trace/event.h"
#include "trace/reader.h"

/* An empty one: one process, one thread, no stacks. */
void hand_begin(void);

/* Each returns the index. */
uint32_t hand_process(int pid);
uint32_t hand_thread(uint32_t process);
uint32_t hand_node(uint32_t parent, uint32_t module, uint64_t offset);
void hand_damage(const char *damage);

/* Events follow each other; `time` in nanoseconds. The process is that of the thread. */
void hand_alloc(uint64_t time, uint32_t thread, uint32_t stack, uint64_t ptr, uint64_t size);
void hand_realloc(uint64_t time, uint32_t thread, uint32_t stack, uint64_t old, uint64_t ptr,
                  uint64_t size);
void hand_free(uint64_t time, uint32_t thread, uint64_t ptr);
void hand_op(uint64_t time, enum trace_op op, uint32_t process);

#endif
