/* SPDX-License-Identifier: MIT */
/*
 * The tables of a trace that is read: what its definitions said. What has been returned stays where
 * it is, so they are kept in pieces of doubling size; strings are kept in large pieces. Each has a
 * bound (defined.h).
 */
#ifndef CAIRN_TOOLS_TRACE_TABLES_H
#define CAIRN_TOOLS_TRACE_TABLES_H

#include "trace/event.h"

enum { TABLE_FIRST = 16, TABLE_PIECES = 28 };

struct table_pieces {
    void *pieces[TABLE_PIECES]; /* of TABLE_FIRST, then as many as there are before */
    uint32_t count;
};

struct tables {
    struct table_pieces processes, threads, modules, nodes;
    struct text_piece *texts;
    size_t text_bytes;
};

void tables_init(struct tables *tables); /* with node 0 */
void tables_fini(struct tables *tables);

/* Each returns false if there are too many, or what it refers to is not there. Strings are copied. */
bool tables_process(struct tables *tables, const struct trace_process *process);
bool tables_thread(struct tables *tables, const struct trace_thread *thread);
bool tables_module(struct tables *tables, const struct trace_module *module);
bool tables_node(struct tables *tables, const struct trace_node *node);

/* A copy of `size` bytes and a zero; NULL if there is too much. */
const char *tables_text(struct tables *tables, const void *bytes, size_t size);

static inline void *table_at(const struct table_pieces *table, size_t size, uint32_t index)
{
    uint32_t group = index / TABLE_FIRST;
    if (group == 0)
        return (char *)table->pieces[0] + size * index;
    unsigned piece = 32 - (unsigned)__builtin_clz(group);
    return (char *)table->pieces[piece] + size * (index - (TABLE_FIRST << (piece - 1)));
}

static inline const struct trace_process *tables_process_at(const struct tables *tables,
                                                            uint32_t index)
{
    return table_at(&tables->processes, sizeof(struct trace_process), index);
}

static inline const struct trace_thread *tables_thread_at(const struct tables *tables,
                                                          uint32_t index)
{
    return table_at(&tables->threads, sizeof(struct trace_thread), index);
}

#endif
