/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto, gzipped. The message is put together by hand: a field is its number and
 * type, then a varint, or a length and that many bytes; that is all of protobuf that is used here.
 * The four sample types stand in Go's order, because viewers know them by that. Modules become
 * mappings that lie apart in an address space of our own, so that an address tells its module.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "export/formats.h"
#include "message.h"
#include "trace/column.h"

enum { VARINT = 0, BYTES = 2 }; /* wire types */

/* Numbers of fields. */
enum {
    SAMPLE_TYPE = 1,
    SAMPLE,
    MAPPING,
    LOCATION,
    FUNCTION,
    STRING_TABLE,
    TIME_NANOS = 9,
    DURATION_NANOS,
    PERIOD_TYPE,
    PERIOD,
    COMMENT,
    DEFAULT_SAMPLE_TYPE
};
enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE };
enum {
    MAPPING_ID = 1,
    MAPPING_START,
    MAPPING_LIMIT,
    MAPPING_OFFSET,
    MAPPING_FILENAME,
    MAPPING_BUILD_ID,
    MAPPING_HAS_FUNCTIONS,
    MAPPING_HAS_FILENAMES,
    MAPPING_HAS_LINES,
    MAPPING_HAS_INLINES
};
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_LINE };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME };

struct writer {
    const struct profile *profile;
    struct frames *frames;
    struct column out, part, line; /* the message; one in it; one in that */
    struct names strings, functions;
    z_stream zip;
    FILE *to;
};

static void put_number(struct column *to, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    column_leb(to, field << 3 | VARINT);
    column_leb(to, value);
}

static void put_bytes(struct column *to, unsigned field, const void *bytes, size_t size)
{
    column_leb(to, field << 3 | BYTES);
    column_leb(to, size);
    if (size == 0)
        return;
    column_grow(to, size);
    memcpy(to->bytes + to->used, bytes, size);
    to->used += size;
}

/* The part is whole: into the message it goes. */
static void put_part(struct column *to, unsigned field, struct column *part)
{
    put_bytes(to, field, part->bytes, part->used);
    part->used = 0;
}

static uint64_t string(struct writer *writer, const char *text)
{
    return names_number(&writer->strings, text);
}

static void zip(struct writer *writer, int how)
{
    unsigned char zipped[1 << 14];

    writer->zip.next_in = writer->out.bytes;
    writer->zip.avail_in = (uInt)writer->out.used;
    do {
        writer->zip.next_out = zipped;
        writer->zip.avail_out = sizeof zipped;
        deflate(&writer->zip, how);
        fwrite(zipped, 1, sizeof zipped - writer->zip.avail_out, writer->to);
    } while (writer->zip.avail_out == 0);
    writer->out.used = 0;
}

static void zip_if_long(struct writer *writer)
{
    if (writer->out.used > 1 << 18)
        zip(writer, Z_NO_FLUSH);
}

static void put_value_type(struct writer *writer, unsigned field, const char *type,
                           const char *unit)
{
    put_number(&writer->part, VALUE_TYPE_TYPE, string(writer, type));
    put_number(&writer->part, VALUE_TYPE_UNIT, string(writer, unit));
    put_part(&writer->out, field, &writer->part);
}

static bool is_sample(const struct profile_sums *sums)
{
    return sums->blocks || sums->peak_blocks;
}

static void put_sample(struct writer *writer, uint32_t node)
{
    const struct profile_sums *sums = &writer->profile->stacks[node];
    const uint64_t values[] = {sums->blocks, sums->bytes, sums->peak_blocks, sums->peak_bytes};
    const uint32_t unknown = trace_nodes(writer->profile->reader);

    for (uint32_t at = node; at; at = trace_node(writer->profile->reader, at).parent)
        column_leb(&writer->line, at);
    if (!node)
        column_leb(&writer->line, unknown);
    put_part(&writer->part, SAMPLE_LOCATION, &writer->line);
    for (size_t i = 0; i < 4; i++)
        column_leb(&writer->line, values[i]);
    put_part(&writer->part, SAMPLE_VALUE, &writer->line);
    put_part(&writer->out, SAMPLE, &writer->part);
    zip_if_long(writer);
}

static void put_mappings(struct writer *writer)
{
    const struct trace_reader *reader = writer->profile->reader;

    for (uint32_t i = 0; i < trace_modules(reader); i++) {
        const struct trace_module *module = trace_module(reader, i);
        put_number(&writer->part, MAPPING_ID, (uint64_t)i + 1);
        put_number(&writer->part, MAPPING_START, frames_address(i, 0));
        put_number(&writer->part, MAPPING_LIMIT, frames_address(i + 1, 0));
        put_number(&writer->part, MAPPING_FILENAME, string(writer, module->path));
        put_number(&writer->part, MAPPING_BUILD_ID, string(writer, module->build_id));
        for (unsigned has = MAPPING_HAS_FUNCTIONS; has <= MAPPING_HAS_INLINES; has++)
            put_number(&writer->part, has, 1);
        put_part(&writer->out, MAPPING, &writer->part);
    }
}

/* A function's number; those that are new are written. */
static uint64_t function(struct writer *writer, uint32_t frame)
{
    const struct frame *is = &writer->frames->frames[frame];
    size_t before = writer->functions.count;
    char key[40];

    uint64_t name = string(writer, is->function), file = string(writer, is->file ? is->file : "");
    snprintf(key, sizeof key, "%llu/%llu", (unsigned long long)name, (unsigned long long)file);
    uint64_t id = (uint64_t)names_number(&writer->functions, key) + 1;
    if (id > before) {
        struct column about = {.bytes = NULL};
        put_number(&about, FUNCTION_ID, id);
        put_number(&about, FUNCTION_NAME, name);
        put_number(&about, FUNCTION_SYSTEM_NAME, name);
        put_number(&about, FUNCTION_FILENAME, file);
        put_part(&writer->out, FUNCTION, &about);
        free(about.bytes);
    }
    return id;
}

static void put_location(struct writer *writer, uint32_t id, uint32_t module, uint64_t offset,
                         const uint32_t *calls, size_t count)
{
    bool has_module = module < trace_modules(writer->profile->reader);

    put_number(&writer->part, LOCATION_ID, id);
    if (has_module) {
        put_number(&writer->part, LOCATION_MAPPING, (uint64_t)module + 1);
        put_number(&writer->part, LOCATION_ADDRESS, frames_address(module, offset));
    }
    for (size_t i = 0; i < count; i++) {
        put_number(&writer->line, LINE_FUNCTION, function(writer, calls[i]));
        put_number(&writer->line, LINE_LINE, writer->frames->frames[calls[i]].line);
        put_part(&writer->part, LOCATION_LINE, &writer->line);
    }
    put_part(&writer->out, LOCATION, &writer->part);
    zip_if_long(writer);
}

/* Of each node that a sample needs; and one for what is not known. */
static void put_locations(struct writer *writer, const bool *needed)
{
    const struct trace_reader *reader = writer->profile->reader;
    uint32_t nodes = trace_nodes(reader);
    const uint32_t unknown[] = {0};

    for (uint32_t node = 1; node < nodes; node++) {
        if (!needed[node])
            continue;
        size_t count;
        struct trace_node is = trace_node(reader, node);
        const uint32_t *calls = frames_of_node(writer->frames, node, &count);
        put_location(writer, node, is.module, is.offset, calls, count);
    }
    if (needed[0])
        put_location(writer, nodes, UINT32_MAX, 0, unknown, 1);
}

static void put_samples(struct writer *writer)
{
    const struct trace_reader *reader = writer->profile->reader;
    uint32_t nodes = trace_nodes(reader);
    bool *needed = calloc(nodes, sizeof *needed);

    if (!needed) {
        message("out of memory");
        exit(EXIT_OWN_ERROR);
    }
    for (uint32_t node = 0; node < nodes; node++) {
        if (!is_sample(&writer->profile->stacks[node]))
            continue;
        put_sample(writer, node);
        needed[node] = true;
    }
    for (uint32_t node = nodes - 1; node > 0; node--) { /* who calls stands before */
        uint32_t parent = trace_node(reader, node).parent;
        if (needed[node] && parent)
            needed[parent] = true;
    }
    put_locations(writer, needed);
    free(needed);
}

static void put_about(struct writer *writer)
{
    const struct profile *profile = writer->profile;
    const char *comments[] = {"inuse: live when the whole was at its peak", export_command(profile),
                              profile->damage};

    put_number(&writer->out, TIME_NANOS, trace_info(profile->reader)->began * 1000000000u);
    put_number(&writer->out, DURATION_NANOS, (uint64_t)(profile->seconds * 1e9));
    put_value_type(writer, PERIOD_TYPE, "space", "bytes");
    put_number(&writer->out, PERIOD, 1);
    for (size_t i = 0; i < 3; i++)
        if (comments[i])
            put_number(&writer->out, COMMENT, string(writer, comments[i]));
    put_number(&writer->out, DEFAULT_SAMPLE_TYPE, string(writer, "inuse_space"));
}

void export_pprof(const struct profile *profile, struct frames *frames, FILE *to)
{
    struct writer writer = {.profile = profile, .frames = frames, .to = to};

    if (deflateInit2(&writer.zip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        message("out of memory");
        exit(EXIT_OWN_ERROR);
    }
    string(&writer, ""); /* number 0 by the format's law */
    put_value_type(&writer, SAMPLE_TYPE, "alloc_objects", "count");
    put_value_type(&writer, SAMPLE_TYPE, "alloc_space", "bytes");
    put_value_type(&writer, SAMPLE_TYPE, "inuse_objects", "count");
    put_value_type(&writer, SAMPLE_TYPE, "inuse_space", "bytes");
    put_samples(&writer);
    put_mappings(&writer);
    put_about(&writer);
    for (size_t i = 0; i < writer.strings.count; i++) {
        put_bytes(&writer.out, STRING_TABLE, writer.strings.texts[i],
                  strlen(writer.strings.texts[i]));
        zip_if_long(&writer);
    }
    zip(&writer, Z_FINISH);
    deflateEnd(&writer.zip);
    names_fini(&writer.strings);
    names_fini(&writer.functions);
    free(writer.out.bytes);
    free(writer.part.bytes);
    free(writer.line.bytes);
}
