/* SPDX-License-Identifier: MIT */
/*
 * Reads the text form: see docs/trace-format.md. Written by hand, it may leave out nearly all: what
 * begins with a word goes on in the thread and at the time of the line before, with the next number;
 * a file without definitions has one process with one thread. The first line that cannot be read
 * ends the trace.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"
#include "trace/column.h"
#include "trace/forms.h"
#include "trace/reader.h"
#include "trace/words.h"

struct lines {
    struct column line;     /* with a zero at its end */
    uint64_t count, begins; /* of lines read; offset of the last one */
    char *at;               /* what is left of it */
    uint32_t thread;
    uint64_t number, time;
    bool must_end, has_end;
    bool is_ahead;       /* the line was read, and nothing made of it yet */
    const char *problem; /* with this line */
};

/* A name=value pair that a line may have, in any order. Of ID: an int, also below 0. */
struct value {
    const char *name;
    enum value_kind { NUMBER, ID, TEXT } kind;
    uint64_t number;
    char *text;
};

static bool wrong(struct lines *lines, const char *problem)
{
    if (!lines->problem)
        lines->problem = problem;
    return false;
}

static bool damaged(struct trace_reader *reader)
{
    struct lines *lines = reader->state;
    return reader_damaged(reader, "line %llu (byte %llu): %s", (unsigned long long)lines->count,
                          (unsigned long long)lines->begins,
                          lines->problem ? lines->problem : "not understood");
}

/* ---- lines and words ---- */

/* Appends the line to come, without its newline. False: there was none. */
static bool take_line(struct trace_reader *reader, bool *has_newline)
{
    struct lines *lines = reader->state;
    struct stream *stream = &reader->stream;
    size_t there;

    lines->line.used = 0;
    lines->begins = stream->offset;
    *has_newline = false;
    while (!*has_newline && (there = stream_peek(stream, 1)) > 0) {
        const unsigned char *from = stream->bytes + stream->from, *end = memchr(from, '\n', there);
        size_t size = end ? (size_t)(end - from) : there;
        if (lines->line.used + size > TEXT_LINE_MAX)
            return wrong(lines, "the line is too long");
        column_grow(&lines->line, size + 1);
        memcpy(lines->line.bytes + lines->line.used, from, size);
        lines->line.used += size;
        *has_newline = end != NULL;
        stream_skip(stream, size + *has_newline);
    }
    return *has_newline || lines->line.used > 0;
}

/* The next line that says something. False: the end, or damage. */
static bool next_line(struct trace_reader *reader)
{
    struct lines *lines = reader->state;
    bool has_newline;

    while (take_line(reader, &has_newline)) {
        lines->count++;
        if (!has_newline)
            return wrong(lines, "cut short");
        if (memchr(lines->line.bytes, 0, lines->line.used))
            return wrong(lines, "not text");
        lines->line.bytes[lines->line.used] = 0;
        lines->at = (char *)lines->line.bytes;
        lines->at += strspn(lines->at, " \t\r");
        if (*lines->at && *lines->at != '#')
            return true;
    }
    return false;
}

/* The next word, ended by a zero; "" at the end of the line. */
static char *take_word(struct lines *lines)
{
    char *word = lines->at, *end = word + strcspn(word, " \t\r");

    lines->at = end + strspn(end, " \t\r");
    *end = 0;
    return word;
}

static bool to_number(const char *word, uint64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)*word))
        return false;
    errno = 0;
    *number = strtoull(word, &end, word[0] == '0' && word[1] == 'x' ? 16 : 10);
    return errno == 0 && *end == 0;
}

static bool take_number(struct lines *lines, uint64_t *number)
{
    return to_number(take_word(lines), number) || wrong(lines, "a number is missing");
}

/* What stands in double quotes, without the escapes, in place. */
static char *take_quoted(struct lines *lines)
{
    char *from = lines->at, *to = from, *text = from;

    for (; *from && *from != '"'; from++) {
        unsigned byte = 0;
        if (*from != '\\') {
            *to++ = *from;
        } else if (from[1] == 'x' && isxdigit((unsigned char)from[2]) &&
                   isxdigit((unsigned char)from[3])) {
            byte = (unsigned)strtoul((char[]){from[2], from[3], 0}, NULL, 16);
            if (byte == 0)
                return NULL;
            *to++ = (char)byte;
            from += 3;
        } else if (from[1]) {
            *to++ = *++from;
        }
    }
    if (*from != '"')
        return NULL;
    lines->at = from + 1 + strspn(from + 1, " \t\r");
    *to = 0;
    return text;
}

/* The pairs to the end of the line. */
static bool take_values(struct lines *lines, struct value *values, size_t count)
{
    while (*lines->at) {
        size_t length = strcspn(lines->at, "= \t"), i = 0;
        while (i < count &&
               (strlen(values[i].name) != length || memcmp(values[i].name, lines->at, length) != 0))
            i++;
        if (i == count || lines->at[length] != '=')
            return wrong(lines, "there is something that does not belong there");
        lines->at += length + 1;
        if (values[i].kind != TEXT) {
            bool below = values[i].kind == ID && *lines->at == '-';
            lines->at += below;
            if (!take_number(lines, &values[i].number))
                return false;
            if (values[i].kind == ID && values[i].number > (uint64_t)INT32_MAX + below)
                return wrong(lines, "a number is too large");
            values[i].number = below ? 0 - values[i].number : values[i].number;
        } else if (*lines->at == '"') {
            lines->at++;
            values[i].text = take_quoted(lines);
        } else {
            values[i].text = take_word(lines);
        }
        if (values[i].kind == TEXT && !values[i].text)
            return wrong(lines, "a string does not end");
    }
    return true;
}

/* ---- definitions ---- */

static bool read_info(struct trace_reader *reader)
{
    struct lines *lines = reader->state;
    struct value values[] = {{"command", TEXT, 0, NULL},
                             {"machine", TEXT, 0, NULL},
                             {"end", TEXT, 0, NULL},
                             {"began", NUMBER, 0, NULL},
                             {"page-size", NUMBER, 0, NULL}};
    struct tables *tables = &reader->tables;

    if (!take_values(lines, values, sizeof values / sizeof *values))
        return false;
    for (size_t i = 0; i < 2; i++) {
        const char *text = values[i].text ? values[i].text : "";
        values[i].text = (char *)tables_text(tables, text, strlen(text));
        if (!values[i].text)
            return wrong(lines, "too much text");
    }
    if (values[2].text)
        lines->must_end = true;
    reader->info = (struct trace_info){values[0].text, values[1].text, values[3].number,
                                       (uint32_t)values[4].number};
    return true;
}

/* Of one kind; the values v are those that its lines have. */
static bool add_process(struct tables *tables, const struct value *v)
{
    return tables_process(tables, &(struct trace_process){(uint32_t)v[0].number,
                                                          (int)(int64_t)v[1].number, v[2].text});
}

static bool add_thread(struct tables *tables, const struct value *v)
{
    return tables_thread(tables, &(struct trace_thread){(uint32_t)v[0].number,
                                                        (int)(int64_t)v[1].number, v[2].text});
}

static bool add_module(struct tables *tables, const struct value *v)
{
    return tables_module(tables, &(struct trace_module){v[0].text, v[1].text});
}

static bool add_node(struct tables *tables, const struct value *v)
{
    return tables_node(
        tables, &(struct trace_node){(uint32_t)v[0].number, (uint32_t)v[1].number, v[2].number});
}

static bool read_definition(struct trace_reader *reader, const char *kind)
{
    struct lines *lines = reader->state;
    struct tables *tables = &reader->tables;
    const struct {
        const char *name;
        uint32_t next;
        bool (*add)(struct tables *tables, const struct value *values);
        struct value values[3];
    } kinds[] = {
        {"process",
         tables->processes.count,
         add_process,
         {{"parent", NUMBER, 0, NULL}, {"pid", ID, 0, NULL}, {"command", TEXT, 0, NULL}}},
        {"thread",
         tables->threads.count,
         add_thread,
         {{"process", NUMBER, 0, NULL}, {"tid", ID, 0, NULL}, {"name", TEXT, 0, NULL}}},
        {"module",
         tables->modules.count,
         add_module,
         {{"path", TEXT, 0, NULL}, {"build-id", TEXT, 0, NULL}, {"", TEXT, 0, NULL}}},
        {"node",
         tables->nodes.count,
         add_node,
         {{"parent", NUMBER, 0, NULL}, {"module", NUMBER, 0, NULL}, {"offset", NUMBER, 0, NULL}}},
    };
    uint64_t index;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct value values[3];
        if (strcmp(kind, kinds[i].name) != 0)
            continue;
        memcpy(values, kinds[i].values, sizeof values);
        if (!take_number(lines, &index))
            return false;
        if (index != kinds[i].next)
            return wrong(lines, "definitions of a kind are numbered one by one, from 0 (nodes: 1)");
        if (!take_values(lines, values, 3))
            return false;
        for (size_t j = 0; j < 2; j++)
            if (values[j].kind == NUMBER && values[j].number > UINT32_MAX)
                return wrong(lines, "a number is too large");
        return kinds[i].add(tables, values) ||
               wrong(lines, "it refers to what is not defined, or there are too many");
    }
    return wrong(lines, "no such definition");
}

/* What begins with @. False: the end, or damage. */
static bool read_at(struct trace_reader *reader)
{
    struct lines *lines = reader->state;
    const char *kind = take_word(lines) + 1;

    if (strcmp(kind, "info") == 0)
        return read_info(reader);
    if (strcmp(kind, "end") != 0)
        return read_definition(reader, kind);
    lines->has_end = true;
    if (next_line(reader))
        return wrong(lines, "there is something after @end");
    return false;
}

/* ---- events ---- */

static bool has_process(struct trace_reader *reader)
{
    struct tables *tables = &reader->tables;
    return tables->processes.count ||
           tables_process(tables, &(struct trace_process){.pid = 1, .command = ""});
}

/* A file that defines no thread has one, of the process there is: when there is an event of a
 * thread, for that a process began may stand before the definition of its first. */
static bool has_thread(struct trace_reader *reader, enum trace_op op)
{
    struct tables *tables = &reader->tables;
    return tables->threads.count || op == TRACE_PROCESS ||
           tables_thread(tables, &(struct trace_thread){.tid = 1, .name = ""});
}

/* Number, time and thread, if they are there; then the word for the event. */
static char *read_common(struct trace_reader *reader)
{
    struct lines *lines = reader->state;
    char *word = take_word(lines);
    uint64_t thread = lines->thread;

    if (!isdigit((unsigned char)*word)) {
        if (lines->number++ == UINT64_MAX)
            return wrong(lines, "there is no number after that of the event before"), NULL;
        return word;
    }
    uint64_t number;
    if (!to_number(word, &number) || !take_number(lines, &lines->time) ||
        !take_number(lines, &thread))
        return wrong(lines, "an event begins with number, time and thread, or with what it is"),
               NULL;
    if (number <= lines->number && reader->events)
        return wrong(lines, "its number is not larger than that before"), NULL;
    if (thread >= reader->tables.threads.count && thread)
        return wrong(lines, "no such thread"), NULL;
    lines->number = number;
    lines->thread = (uint32_t)thread;
    return take_word(lines);
}

static bool read_fields(struct lines *lines, struct trace_event *event)
{
    switch (event->op) {
    case TRACE_ALLOC:
    case TRACE_ALLOC_ZEROED:
        return take_number(lines, &event->ptr) && take_number(lines, &event->size);
    case TRACE_REALLOC:
        return take_number(lines, &event->old) && take_number(lines, &event->ptr) &&
               take_number(lines, &event->size);
    case TRACE_FREE:
        return take_number(lines, &event->ptr);
    case TRACE_EXIT:
        return !*lines->at || take_number(lines, &event->size);
    default:
        return true;
    }
}

static bool read_event(struct trace_reader *reader, struct trace_event *event)
{
    struct lines *lines = reader->state;
    int op = 0;

    if (!has_process(reader))
        return wrong(lines, "too many definitions");
    const char *word = read_common(reader);
    if (!word)
        return false;
    while (op < TRACE_OPS && strcmp(word, text_words[op]) != 0)
        op++;
    if (op == TRACE_OPS)
        return wrong(lines, "no such event");
    if (!has_thread(reader, (enum trace_op)op))
        return wrong(lines, "too many definitions");
    *event = (struct trace_event){.op = (enum trace_op)op, .thread = lines->thread};
    event->process = trace_thread(reader, event->thread)->process;
    struct value values[] = {{"align", NUMBER, 0, NULL},
                             {"stack", NUMBER, 0, NULL},
                             {"process", NUMBER, event->process, NULL}};
    if (!read_fields(lines, event) || !take_values(lines, values, 3))
        return false;
    if (values[1].number >= reader->tables.nodes.count)
        return wrong(lines, "no such stack");
    if (values[2].number >= reader->tables.processes.count)
        return wrong(lines, "no such process");
    event->number = lines->number;
    event->time = lines->time;
    event->align = values[0].number;
    event->stack = (uint32_t)values[1].number;
    event->process = (uint32_t)values[2].number;
    return true;
}

static bool next(struct trace_reader *reader, struct trace_event *event)
{
    struct lines *lines = reader->state;

    while (lines->is_ahead || (!lines->problem && next_line(reader))) {
        lines->is_ahead = false;
        if (*lines->at != '@')
            return read_event(reader, event) || damaged(reader);
        if (!read_at(reader))
            break;
    }
    if (reader->stream.error)
        return reader_damaged(reader, "cannot be read beyond byte %llu: %s",
                              (unsigned long long)reader->stream.offset,
                              strerror(reader->stream.error));
    if (lines->problem)
        return damaged(reader);
    if (lines->must_end && !lines->has_end)
        return reader_damaged(reader, "cut short at byte %llu: there is no @end",
                              (unsigned long long)reader->stream.offset);
    return false;
}

/* What is said of the whole, if it is said first: who copies it wants to know before the events. */
static void read_first(struct trace_reader *reader)
{
    static const char info[] = "@info";
    struct lines *lines = reader->state;

    lines->is_ahead = next_line(reader);
    if (!lines->is_ahead || strncmp(lines->at, info, strlen(info)) != 0)
        return;
    lines->is_ahead = false;
    read_at(reader);
}

static bool open_text(struct trace_reader *reader)
{
    struct lines *lines = memory_take(1, sizeof *lines);
    uint64_t version;

    reader->state = lines;
    if (!next_line(reader)) {
        damaged(reader);
        return true;
    }
    lines->at += strlen(TEXT_FIRST_LINE);
    if (!to_number(take_word(lines), &version)) {
        message("%s is not a trace: its first line is not `" TEXT_FIRST_LINE "%d'", reader->path,
                TEXT_VERSION);
    } else if (version != TEXT_VERSION) {
        message("%s is a trace of version %llu; this cairn reads version %d", reader->path,
                (unsigned long long)version, TEXT_VERSION);
    } else {
        read_first(reader);
        return true;
    }
    free(lines->line.bytes);
    free(lines);
    return false;
}

static void close_text(struct trace_reader *reader)
{
    struct lines *lines = reader->state;
    free(lines->line.bytes);
    free(lines);
}

const struct reader_form reader_text = {
    .open = open_text,
    .next = next,
    .close = close_text,
};
