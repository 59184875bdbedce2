/* SPDX-License-Identifier: MIT */
/*
 * What the forms of a trace offer to reader.c and writer.c: functions of one kind each, with a state
 * of their own.
 */
#ifndef CAIRN_TOOLS_TRACE_FORMS_H
#define CAIRN_TOOLS_TRACE_FORMS_H

#include <stdio.h>

#include "trace/defined.h"
#include "trace/event.h"
#include "trace/tables.h"
#include "trace/writer.h"

/* ---- writing ---- */

struct trace_writer {
    FILE *stream;
    uint64_t written, events, number;
    int error;
    struct defined defined;
    const struct writer_form *form;
    void *state; /* of the form */
};

struct writer_form {
    void *(*create)(struct trace_writer *writer, const struct trace_info *info);
    void (*process)(struct trace_writer *writer, uint32_t index, const struct trace_process *is);
    void (*thread)(struct trace_writer *writer, uint32_t index, const struct trace_thread *is);
    void (*module)(struct trace_writer *writer, uint32_t index, const struct trace_module *is);
    void (*node)(struct trace_writer *writer, uint32_t index, const struct trace_node *is);
    void (*event)(struct trace_writer *writer, const struct trace_event *event);
    void (*flush)(struct trace_writer *writer);
    void (*finish)(struct trace_writer *writer); /* ends the file, and the state */
};

extern const struct writer_form writer_compressed, writer_text;

/* Bytes for the stream; nothing after the first error. */
void writer_put(struct trace_writer *writer, const void *bytes, size_t size);

/* ---- reading ---- */

/* The bytes of a file or pipe, in order. */
struct stream {
    int fd;
    unsigned char *bytes;
    size_t from, to;        /* of bytes: not yet taken */
    uint64_t offset, total; /* offset: of `from` in the file; total: 0 if not known */
    int error;              /* errno of a read that failed */
};

struct trace_reader {
    struct stream stream;
    struct tables tables;
    struct trace_info info; /* strings among the tables */
    uint64_t events, number;
    bool ended;
    char *damage;
    const char *path;
    const struct reader_form *form;
    void *state; /* of the form */
};

struct reader_form {
    bool (*open)(struct trace_reader *reader); /* false after a message */
    bool (*next)(struct trace_reader *reader, struct trace_event *event);
    void (*close)(struct trace_reader *reader);
};

extern const struct reader_form reader_compressed, reader_text, reader_kit;

/* At least `size` bytes (at most STREAM_ROOM) from the stream, if there are so many: how many there
 * are in bytes + from. */
enum { STREAM_ROOM = 1 << 18 };
size_t stream_peek(struct stream *stream, size_t size);
void stream_skip(struct stream *stream, size_t size);

/* Reads `size` bytes. How many there were. */
size_t stream_read(struct stream *stream, void *bytes, size_t size);

/* The trace is damaged there; returns false. The first such sentence stands. */
bool reader_damaged(struct trace_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
