/* SPDX-License-Identifier: MIT */
/* See plan_writer.h. */
#define _GNU_SOURCE
#include "replay/plan_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own_memory.h"

enum { FIRST_CHUNK = 4096 }; /* the header's place */

void plan_writer_init(struct plan_writer *writer, int file)
{
    *writer = (struct plan_writer){.file = file, .at = FIRST_CHUNK};
    writer->header.magic = PLAN_MAGIC;
    for (size_t i = 0; i < PLAN_STREAMS; i++)
        writer->streams[i].first = UINT64_MAX;
}

void plan_writer_fini(struct plan_writer *writer)
{
    for (size_t i = 0; i < PLAN_STREAMS; i++) {
        free(writer->streams[i].words);
        free(writer->streams[i].chunks);
    }
    free(writer->boundaries);
}

static void write_at(struct plan_writer *writer, const void *bytes, size_t size, uint64_t at)
{
    const char *from = bytes;

    while (size > 0 && writer->error == 0) {
        ssize_t written = pwrite(writer->file, from, size, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            writer->error = written < 0 ? errno : ENOSPC;
            return;
        }
        from += written;
        at += (uint64_t)written;
        size -= (size_t)written;
    }
}

/* At the end of the file; says where that was. */
static uint64_t append(struct plan_writer *writer, const void *bytes, size_t size)
{
    uint64_t at = writer->at;

    write_at(writer, bytes, size, at);
    writer->at += size;
    return at;
}

static void write_chunk(struct plan_writer *writer, struct plan_stream_writer *stream)
{
    size_t size = PLAN_CHUNK_WORDS * sizeof *stream->words;

    memset(stream->words + stream->used, 0, size - stream->used * sizeof *stream->words);
    if (stream->chunk_count == stream->chunk_room) {
        stream->chunk_room = stream->chunk_room ? stream->chunk_room * 2 : 16;
        stream->chunks = memory_resize(stream->chunks, stream->chunk_room, sizeof *stream->chunks);
    }
    stream->chunks[stream->chunk_count++] = append(writer, stream->words, size);
    stream->used = 0;
    writer->header.chunks++;
}

void plan_put(struct plan_writer *writer, size_t index, const uint64_t *words, size_t count)
{
    struct plan_stream_writer *stream = &writer->streams[index];

    if (!stream->words)
        stream->words = memory_take(PLAN_CHUNK_WORDS, sizeof *stream->words);
    if (stream->used + count > PLAN_CHUNK_WORDS)
        write_chunk(writer, stream);
    memcpy(stream->words + stream->used, words, count * sizeof *words);
    stream->used += count;
}

void plan_put_boundary(struct plan_writer *writer, struct plan_boundary boundary)
{
    if (writer->header.boundaries == writer->boundary_room) {
        writer->boundary_room = writer->boundary_room ? writer->boundary_room * 2 : 1024;
        writer->boundaries = memory_resize(writer->boundaries, writer->boundary_room,
                                           sizeof *writer->boundaries);
    }
    writer->boundaries[writer->header.boundaries++] = boundary;
}

bool plan_finish(struct plan_writer *writer)
{
    struct plan_header *header = &writer->header;
    struct plan_stream table[PLAN_STREAMS];

    for (size_t i = 0; i < header->streams; i++) {
        struct plan_stream_writer *stream = &writer->streams[i];
        if (stream->used > 0)
            write_chunk(writer, stream);
        table[i] = (struct plan_stream){stream->first, stream->operations, stream->chunk_count};
    }
    header->streams_at = append(writer, table, header->streams * sizeof *table);
    header->boundaries_at = append(writer, writer->boundaries,
                                   header->boundaries * sizeof *writer->boundaries);
    header->chunks_at = writer->at;
    for (size_t i = 0; i < header->streams; i++)
        append(writer, writer->streams[i].chunks,
               writer->streams[i].chunk_count * sizeof *writer->streams[i].chunks);
    append(writer, "\0\0\0\0\0\0\0", 8); /* so that no table is empty at the end of the file */
    write_at(writer, header, sizeof *header, 0);
    return writer->error == 0;
}
