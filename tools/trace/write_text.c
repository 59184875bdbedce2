/* SPDX-License-Identifier: MIT */
/* Writes the text form: see docs/trace-format.md. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "trace/column.h"
#include "trace/forms.h"
#include "trace/words.h"

enum { ENOUGH = 1 << 16, LONGEST = 512 }; /* LONGEST: of what is printed at once, but strings */

static void print(struct column *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct column *to, const char *format, ...)
{
    va_list arguments;

    column_grow(to, LONGEST);
    va_start(arguments, format);
    int length = vsnprintf((char *)to->bytes + to->used, LONGEST, format, arguments);
    va_end(arguments);
    to->used += length > 0 ? (size_t)length : 0;
}

/* In double quotes; what would end the line or the string is escaped. */
static void print_string(struct column *to, const char *name, const char *text)
{
    print(to, " %s=\"", name);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            print(to, "\\%c", *at);
        else if (*at < ' ' || *at == 0x7f)
            print(to, "\\x%02x", *at);
        else
            column_byte(to, *at);
    }
    column_byte(to, '"');
}

static void flush(struct trace_writer *writer)
{
    struct column *lines = writer->state;
    writer_put(writer, lines->bytes, lines->used);
    lines->used = 0;
}

static void end_line(struct trace_writer *writer)
{
    struct column *lines = writer->state;
    column_byte(lines, '\n');
    if (lines->used >= ENOUGH)
        flush(writer);
}

static void *create(struct trace_writer *writer, const struct trace_info *info)
{
    struct column *lines = memory_take(1, sizeof *lines);

    writer->state = lines;
    print(lines, TEXT_FIRST_LINE "%d\n@info", TEXT_VERSION);
    print_string(lines, "command", info->command ? info->command : "");
    print_string(lines, "machine", info->machine ? info->machine : "");
    print(lines, " began=%" PRIu64 " page-size=%" PRIu32 " end=marked\n", info->began,
          info->page_size);
    print(lines,
          "# number time thread what: alloc|zeroed PTR SIZE, realloc OLD PTR SIZE, free PTR\n");
    return lines;
}

static void process(struct trace_writer *writer, uint32_t index, const struct trace_process *is)
{
    print(writer->state, "@process %" PRIu32 " parent=%" PRIu32 " pid=%d", index, is->parent,
          is->pid);
    print_string(writer->state, "command", is->command);
    end_line(writer);
}

static void thread(struct trace_writer *writer, uint32_t index, const struct trace_thread *is)
{
    print(writer->state, "@thread %" PRIu32 " process=%" PRIu32 " tid=%d", index, is->process,
          is->tid);
    print_string(writer->state, "name", is->name);
    end_line(writer);
}

static void module(struct trace_writer *writer, uint32_t index, const struct trace_module *is)
{
    print(writer->state, "@module %" PRIu32, index);
    print_string(writer->state, "path", is->path);
    print_string(writer->state, "build-id", is->build_id);
    end_line(writer);
}

static void node(struct trace_writer *writer, uint32_t index, const struct trace_node *is)
{
    print(writer->state,
          "@node %" PRIu32 " parent=%" PRIu32 " module=%" PRIu32 " offset=0x%" PRIx64, index,
          is->parent, is->module, is->offset);
    end_line(writer);
}

static void put_event(struct trace_writer *writer, const struct trace_event *event)
{
    const struct defined *defined = &writer->defined;
    struct column *to = writer->state;
    uint32_t owner = event->thread < defined->thread_count ? defined->threads[event->thread] : 0;

    print(to, "%" PRIu64 " %" PRIu64 " %" PRIu32 " %s", event->number, event->time, event->thread,
          text_words[event->op]);
    switch (event->op) {
    case TRACE_ALLOC:
    case TRACE_ALLOC_ZEROED:
        print(to, " 0x%" PRIx64 " %" PRIu64, event->ptr, event->size);
        break;
    case TRACE_REALLOC:
        print(to, " 0x%" PRIx64 " 0x%" PRIx64 " %" PRIu64, event->old, event->ptr, event->size);
        break;
    case TRACE_FREE:
        print(to, " 0x%" PRIx64, event->ptr);
        break;
    case TRACE_EXIT:
        print(to, " %" PRIu64, event->size);
        break;
    default:
        break;
    }
    if (event->align)
        print(to, " align=%" PRIu64, event->align);
    if (event->stack && event->op <= TRACE_FREE)
        print(to, " stack=%" PRIu32, event->stack);
    if (event->process != owner)
        print(to, " process=%" PRIu32, event->process);
    end_line(writer);
}

static void finish(struct trace_writer *writer)
{
    struct column *lines = writer->state;

    print(lines, "@end");
    end_line(writer);
    flush(writer);
    free(lines->bytes);
    free(lines);
}

const struct writer_form writer_text = {
    .create = create,
    .process = process,
    .thread = thread,
    .module = module,
    .node = node,
    .event = put_event,
    .flush = flush,
    .finish = finish,
};
