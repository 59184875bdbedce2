/* SPDX-License-Identifier: MIT */
/* The tables of a trace that is read: see tables.h. */
#include "trace/tables.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "trace/defined.h"

enum { TEXT_ROOM = 1 << 16 };

struct text_piece {
    struct text_piece *next;
    size_t used, room;
    char bytes[];
};

void tables_init(struct tables *tables)
{
    *tables = (struct tables){.texts = NULL};
    tables->nodes.pieces[0] = memory_take(TABLE_FIRST, sizeof(struct trace_node));
    tables->nodes.count = 1;
}

static void fini_pieces(struct table_pieces *table)
{
    for (size_t i = 0; i < TABLE_PIECES; i++)
        free(table->pieces[i]);
}

void tables_fini(struct tables *tables)
{
    fini_pieces(&tables->processes);
    fini_pieces(&tables->threads);
    fini_pieces(&tables->modules);
    fini_pieces(&tables->nodes);
    while (tables->texts) {
        struct text_piece *next = tables->texts->next;
        free(tables->texts);
        tables->texts = next;
    }
}

static void *add(struct table_pieces *table, size_t size)
{
    uint32_t index = table->count++, group = index / TABLE_FIRST;
    unsigned piece = group ? 32 - (unsigned)__builtin_clz(group) : 0;

    if (!table->pieces[piece])
        table->pieces[piece] = memory_take((size_t)TABLE_FIRST << (piece ? piece - 1 : 0), size);
    return table_at(table, size, index);
}

const char *tables_text(struct tables *tables, const void *bytes, size_t size)
{
    struct text_piece *piece = tables->texts;

    if (size >= TABLE_TEXT_MAX - tables->text_bytes)
        return NULL;
    if (!piece || piece->room - piece->used <= size) {
        size_t room = size < TEXT_ROOM ? TEXT_ROOM : size + 1;
        piece = memory_resize(NULL, sizeof *piece + room, 1);
        *piece = (struct text_piece){.next = tables->texts, .room = room};
        tables->texts = piece;
    }
    char *text = piece->bytes + piece->used;
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    piece->used += size + 1;
    tables->text_bytes += size + 1;
    return text;
}

static const char *copy(struct tables *tables, const char *text)
{
    return tables_text(tables, text, text ? strlen(text) : 0);
}

bool tables_process(struct tables *tables, const struct trace_process *process)
{
    const char *command = copy(tables, process->command);

    if (!command || tables->processes.count == TABLE_PROCESSES_MAX ||
        process->parent > tables->processes.count)
        return false;
    struct trace_process *own = add(&tables->processes, sizeof *own);
    *own = *process;
    own->command = command;
    return true;
}

bool tables_thread(struct tables *tables, const struct trace_thread *thread)
{
    const char *name = copy(tables, thread->name);

    if (!name || tables->threads.count == TABLE_THREADS_MAX ||
        thread->process >= tables->processes.count)
        return false;
    struct trace_thread *own = add(&tables->threads, sizeof *own);
    *own = *thread;
    own->name = name;
    return true;
}

bool tables_module(struct tables *tables, const struct trace_module *module)
{
    const char *path = copy(tables, module->path), *build_id = copy(tables, module->build_id);

    if (!path || !build_id || tables->modules.count == TABLE_MODULES_MAX)
        return false;
    struct trace_module *own = add(&tables->modules, sizeof *own);
    *own = (struct trace_module){.path = path, .build_id = build_id};
    return true;
}

bool tables_node(struct tables *tables, const struct trace_node *node)
{
    if (tables->nodes.count == TABLE_NODES_MAX || node->parent >= tables->nodes.count ||
        node->module >= tables->modules.count)
        return false;
    struct trace_node *own = add(&tables->nodes, sizeof *own);
    *own = *node;
    return true;
}
