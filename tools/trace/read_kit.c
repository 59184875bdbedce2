/* SPDX-License-Identifier: MIT */
/*
 * Reads what the kit's traced allocator wrote in binary (include/cairn/traced.h). Its events are in
 * no order in the file, so they are all read into memory first and sorted by number. There are no
 * stacks and no modules; the threads are those that the kernel's numbers tell apart, of one
 * process. Bytes that are in no batch (cut short, or of other output in between) are damage, but
 * the events of all whole batches are given.
 */
#include <stdlib.h>
#include <string.h>

#include "cairn/traced.h"
#include "own_memory.h"
#include "trace/column.h"
#include "trace/forms.h"

enum { MALLOC_ALIGN = 16 }; /* this and less malloc gives unasked */

struct kit {
    cairn_traced_event *events;
    size_t count, room, next;
    uint64_t *threads; /* kernel's numbers, by index */
    uint32_t thread_count, last;
    uint64_t process;
    size_t lost; /* bytes in no batch */
};

static bool visit(void *context, const cairn_traced_event *event)
{
    struct kit *kit = context;

    if (event->op == CAIRN_TRACED_OWNS || event->op == CAIRN_TRACED_USABLE_SIZE)
        return true;
    if (event->op == CAIRN_TRACED_THREAD && !kit->process)
        kit->process = event->size;
    if (kit->count == kit->room) {
        kit->room = kit->room ? kit->room * 2 : 1024;
        kit->events = memory_resize(kit->events, kit->room, sizeof *kit->events);
    }
    kit->events[kit->count++] = *event;
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const cairn_traced_event *)a)->number;
    uint64_t y = ((const cairn_traced_event *)b)->number;
    return (x > y) - (x < y);
}

/* The index of a thread, which is defined if it is new; false: too many. */
static bool thread_of(struct trace_reader *reader, uint64_t id, uint32_t *index)
{
    struct kit *kit = reader->state;

    if (kit->thread_count && kit->threads[kit->last] == id) {
        *index = kit->last;
        return true;
    }
    for (*index = 0; *index < kit->thread_count && kit->threads[*index] != id; ++*index)
        ;
    if (*index == kit->thread_count) {
        if (!tables_thread(&reader->tables, &(struct trace_thread){.tid = (int)id, .name = ""}))
            return false;
        kit->threads = memory_resize(kit->threads, (size_t)*index + 1, sizeof *kit->threads);
        kit->threads[kit->thread_count++] = id;
    }
    kit->last = *index;
    return true;
}

static bool next(struct trace_reader *reader, struct trace_event *event)
{
    struct kit *kit = reader->state;
    static const enum trace_op ops[] = {
        [CAIRN_TRACED_ALLOC] = TRACE_ALLOC,     [CAIRN_TRACED_ALLOC_ZEROED] = TRACE_ALLOC_ZEROED,
        [CAIRN_TRACED_REALLOC] = TRACE_REALLOC, [CAIRN_TRACED_DEALLOC] = TRACE_FREE,
        [CAIRN_TRACED_THREAD] = TRACE_THREAD,
    };

    if (kit->next == kit->count) {
        if (kit->lost)
            return reader_damaged(reader, "%zu bytes of it are in no whole batch", kit->lost);
        return false;
    }
    const cairn_traced_event *is = &kit->events[kit->next++];
    *event = (struct trace_event){.op = ops[is->op], .number = is->number, .time = is->time};
    if (reader->events && event->number <= reader->number) /* of two processes in one file */
        event->number = reader->number + 1;
    if (event->op <= TRACE_FREE)
        event->ptr = is->ptr;
    if (event->op <= TRACE_ALLOC_ZEROED || event->op == TRACE_REALLOC) {
        event->size = is->size;
        event->align = is->align > MALLOC_ALIGN ? is->align : 0;
    }
    if (event->op == TRACE_REALLOC) {
        event->old = is->ptr;
        event->ptr = is->result;
        event->size = is->new_size;
    }
    if (!thread_of(reader, is->thread, &event->thread))
        return reader_damaged(reader, "it has too many threads");
    return true;
}

static void close_kit(struct trace_reader *reader)
{
    struct kit *kit = reader->state;
    free(kit->events);
    free(kit->threads);
    free(kit);
}

static bool open_kit(struct trace_reader *reader)
{
    struct kit *kit = memory_take(1, sizeof *kit);
    struct column file = {.bytes = NULL};
    size_t got;

    reader->state = kit;
    do {
        column_grow(&file, STREAM_ROOM);
        got = stream_read(&reader->stream, file.bytes + file.used, file.room - file.used);
        file.used += got;
    } while (got);
    kit->lost = cairn_traced_read(file.bytes, file.used, visit, kit);
    free(file.bytes);
    if (kit->count)
        qsort(kit->events, kit->count, sizeof *kit->events, by_number);
    return tables_process(&reader->tables,
                          &(struct trace_process){.pid = (int)kit->process, .command = ""});
}

const struct reader_form reader_kit = {
    .open = open_kit,
    .next = next,
    .close = close_kit,
};
