/* SPDX-License-Identifier: MIT */
/*
 * What all forms of a trace have in common when they are read: the bytes, the tables, and what is
 * said of damage. See reader.h.
 */
#define _GNU_SOURCE
#include "trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"
#include "trace/format.h"
#include "trace/forms.h"

static const uint64_t block_max = UINT64_C(1) << 56;

static const struct trace_process no_process = {.command = ""};
static const struct trace_thread no_thread = {.name = ""};
static const struct trace_module no_module = {.path = "", .build_id = ""};

/* ---- bytes ---- */

/* Up to `size` bytes; fewer at the end or at an error. */
static size_t read_fully(struct stream *stream, void *bytes, size_t size)
{
    size_t got = 0;

    while (got < size && !stream->error) {
        ssize_t count = read(stream->fd, (char *)bytes + got, size - got);
        if (count == 0)
            break;
        if (count > 0)
            got += (size_t)count;
        else if (errno != EINTR)
            stream->error = errno;
    }
    return got;
}

size_t stream_peek(struct stream *stream, size_t size)
{
    if (stream->to - stream->from < size) {
        memmove(stream->bytes, stream->bytes + stream->from, stream->to - stream->from);
        stream->to -= stream->from;
        stream->from = 0;
        stream->to += read_fully(stream, stream->bytes + stream->to, STREAM_ROOM - stream->to);
    }
    return stream->to - stream->from;
}

void stream_skip(struct stream *stream, size_t size)
{
    stream->from += size;
    stream->offset += size;
}

size_t stream_read(struct stream *stream, void *bytes, size_t size)
{
    size_t there = stream->to - stream->from, got = there < size ? there : size;

    memcpy(bytes, stream->bytes + stream->from, got);
    stream->from += got;
    if (got < size)
        got += read_fully(stream, (char *)bytes + got, size - got);
    stream->offset += got;
    return got;
}

/* ---- opening ---- */

static bool open_stream(struct stream *stream, const char *path)
{
    struct stat status;
    bool is_standard = strcmp(path, "-") == 0;

    stream->fd = is_standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                             : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (stream->fd < 0) {
        message("cannot open %s: %s", path, strerror(errno));
        return false;
    }
    if (fstat(stream->fd, &status) == 0 && S_ISREG(status.st_mode))
        stream->total = (uint64_t)status.st_size;
    stream->bytes = memory_resize(NULL, STREAM_ROOM, 1);
    return true;
}

static const struct reader_form *form_of(struct trace_reader *reader)
{
    static const char text[] = "cairn trace ", kit[] = "CTR1";
    size_t there = stream_peek(&reader->stream, STREAM_ROOM);
    const unsigned char *bytes = reader->stream.bytes;

    if (there >= 8 && memcmp(bytes, FORMAT_MAGIC, 8) == 0)
        return &reader_compressed;
    if (there >= strlen(text) && memcmp(bytes, text, strlen(text)) == 0)
        return &reader_text;
    if (there >= strlen(kit) && memcmp(bytes, kit, strlen(kit)) == 0)
        return &reader_kit;
    if (reader->stream.error)
        message("cannot read %s: %s", reader->path, strerror(reader->stream.error));
    else if (there == 0)
        message("%s is empty: no trace", reader->path);
    else
        message("%s is not a trace", reader->path);
    return NULL;
}

struct trace_reader *trace_open(const char *path)
{
    struct trace_reader *reader = memory_take(1, sizeof *reader);

    reader->path = strcmp(path, "-") == 0 ? "standard input" : path;
    reader->info = (struct trace_info){.command = "", .machine = ""};
    tables_init(&reader->tables);
    if (open_stream(&reader->stream, path)) {
        const struct reader_form *form = form_of(reader);
        reader->form = form && form->open(reader) ? form : NULL;
    }
    if (reader->form)
        return reader;
    trace_close(reader);
    return NULL;
}

void trace_close(struct trace_reader *reader)
{
    if (!reader)
        return;
    if (reader->form)
        reader->form->close(reader);
    if (reader->stream.fd >= 0)
        close(reader->stream.fd);
    free(reader->stream.bytes);
    free(reader->damage);
    tables_fini(&reader->tables);
    free(reader);
}

bool reader_damaged(struct trace_reader *reader, const char *format, ...)
{
    va_list arguments;
    char *what = NULL;

    reader->ended = true;
    if (reader->damage)
        return false;
    va_start(arguments, format);
    int length = vasprintf(&what, format, arguments);
    va_end(arguments);
    if (reader->events)
        reader->damage = memory_format("%s, after event %llu", length < 0 ? "damaged" : what,
                                       (unsigned long long)reader->number);
    else
        reader->damage = memory_format("%s, before the first event", length < 0 ? "damaged" : what);
    if (length >= 0)
        free(what);
    return false;
}

/* Nobody was given a block that no address space has room for: sums of such would be nonsense. */
static bool is_possible(const struct trace_event *event)
{
    return event->op > TRACE_REALLOC || event->ptr == 0 || event->size <= block_max;
}

bool trace_next(struct trace_reader *reader, struct trace_event *event)
{
    if (reader->ended || !reader->form->next(reader, event)) {
        reader->ended = true;
        return false;
    }
    if (!is_possible(event))
        return reader_damaged(reader, "a block of %llu bytes is more than there can be",
                              (unsigned long long)event->size);
    reader->events++;
    reader->number = event->number;
    return true;
}

/* ---- what there is ---- */

const char *trace_damage(const struct trace_reader *reader)
{
    return reader->damage;
}

const struct trace_info *trace_info(const struct trace_reader *reader)
{
    return &reader->info;
}

double trace_progress(const struct trace_reader *reader)
{
    if (reader->ended)
        return 1;
    if (!reader->stream.total)
        return 0;
    double part = (double)reader->stream.offset / (double)reader->stream.total;
    return part < 1 ? part : 1;
}

const struct trace_process *trace_process(const struct trace_reader *reader, uint32_t index)
{
    return index < reader->tables.processes.count ? tables_process_at(&reader->tables, index)
                                                  : &no_process;
}

const struct trace_thread *trace_thread(const struct trace_reader *reader, uint32_t index)
{
    return index < reader->tables.threads.count ? tables_thread_at(&reader->tables, index)
                                                : &no_thread;
}

const struct trace_module *trace_module(const struct trace_reader *reader, uint32_t index)
{
    return index < reader->tables.modules.count
               ? table_at(&reader->tables.modules, sizeof(struct trace_module), index)
               : &no_module;
}

struct trace_node trace_node(const struct trace_reader *reader, uint32_t node)
{
    const struct trace_node *there = node < reader->tables.nodes.count
                                         ? table_at(&reader->tables.nodes,
                                                    sizeof(struct trace_node), node)
                                         : NULL;
    return there ? *there : (struct trace_node){.parent = 0};
}

uint32_t trace_processes(const struct trace_reader *reader)
{
    return reader->tables.processes.count;
}

uint32_t trace_threads(const struct trace_reader *reader)
{
    return reader->tables.threads.count;
}

uint32_t trace_modules(const struct trace_reader *reader)
{
    return reader->tables.modules.count;
}

uint32_t trace_nodes(const struct trace_reader *reader)
{
    return reader->tables.nodes.count;
}
