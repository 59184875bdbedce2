/* SPDX-License-Identifier: MIT */
/*
 * What a writer has defined: so that equal modules and nodes are defined once, and so that it can
 * tell a thread's process. Nodes are found by a hash table of their numbers.
 */
#ifndef CAIRN_TOOLS_TRACE_DEFINED_H
#define CAIRN_TOOLS_TRACE_DEFINED_H

#include "trace/event.h"

/* No trace has more: what a hostile file can make a reader allocate is bounded. */
enum {
    TABLE_PROCESSES_MAX = 1 << 20,
    TABLE_THREADS_MAX = 1 << 22,
    TABLE_MODULES_MAX = 1 << 20,
    TABLE_NODES_MAX = 1 << 26,
    TABLE_TEXT_MAX = 1 << 28 /* bytes of all strings */
};

struct defined {
    struct trace_module *modules; /* own copies */
    uint32_t *threads;            /* their processes */
    struct trace_node *nodes;
    uint32_t *slots; /* numbers of nodes; 0: empty */
    size_t room;     /* slots, a power of two */
    uint32_t process_count, thread_count, module_count, node_count;
};

void defined_init(struct defined *defined);
void defined_fini(struct defined *defined);

/* The index, and whether it is a new one. */
uint32_t defined_module(struct defined *defined, const struct trace_module *module, bool *is_new);
uint32_t defined_node(struct defined *defined, const struct trace_node *node, bool *is_new);
uint32_t defined_thread(struct defined *defined, uint32_t process);

#endif
