/* SPDX-License-Identifier: MIT */
/*
 * Reads the compressed form: see format.h for how, docs/trace-format.md for what. A block is
 * believed only if its checksum is right; what is in it is checked all the same, because anybody
 * can make a right checksum.
 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "message.h"
#include "own_memory.h"
#include "trace/format.h"
#include "trace/forms.h"
#include "trace/reader.h"

struct blocks {
    struct model model;
    struct cursor columns[COLUMNS];
    uint64_t entries;    /* to come in this block */
    uint64_t at, begins; /* offset of this block, and the number of its first event */
    struct column stored, raw;
    ZSTD_DCtx *zstd;
};

struct header {
    uint32_t mark, type, stored, raw;
    uint64_t first, sum;
};

static uint32_t get_32(const unsigned char *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint64_t get_64(const unsigned char *from)
{
    return get_32(from) | (uint64_t)get_32(from + 4) << 32;
}

static bool damaged(struct trace_reader *reader)
{
    struct blocks *blocks = reader->state;
    return reader_damaged(reader, "damaged in the block at byte %llu",
                          (unsigned long long)blocks->at);
}

static bool cut_short(struct trace_reader *reader)
{
    if (reader->stream.error)
        return reader_damaged(reader, "cannot be read beyond byte %llu: %s",
                              (unsigned long long)reader->stream.offset,
                              strerror(reader->stream.error));
    return reader_damaged(reader, "cut short at byte %llu",
                          (unsigned long long)reader->stream.offset);
}

static bool read_header(struct trace_reader *reader, struct header *header)
{
    struct blocks *blocks = reader->state;
    unsigned char bytes[FORMAT_BLOCK];

    blocks->at = reader->stream.offset;
    if (stream_read(&reader->stream, bytes, sizeof bytes) != sizeof bytes)
        return cut_short(reader);
    *header = (struct header){get_32(bytes),      get_32(bytes + 4),  get_32(bytes + 8),
                              get_32(bytes + 12), get_64(bytes + 16), get_64(bytes + 24)};
    if (header->mark != FORMAT_MARK || header->raw > FORMAT_RAW_MAX ||
        header->stored > ZSTD_compressBound(header->raw) + (1 << 16))
        return damaged(reader);
    if (blocks->stored.room < header->stored + sizeof bytes)
        column_grow(&blocks->stored, header->stored + sizeof bytes);
    memcpy(blocks->stored.bytes, bytes, sizeof bytes);
    return true;
}

/* The next block, decompressed into blocks->raw. */
static bool read_block(struct trace_reader *reader, struct header *header)
{
    struct blocks *blocks = reader->state;
    XXH64_state_t sum;

    if (!read_header(reader, header))
        return false;
    unsigned char *bytes = blocks->stored.bytes;
    if (stream_read(&reader->stream, bytes + FORMAT_BLOCK, header->stored) != header->stored)
        return cut_short(reader);
    XXH64_reset(&sum, 0);
    XXH64_update(&sum, bytes, 24);
    XXH64_update(&sum, bytes + FORMAT_BLOCK, header->stored);
    if (XXH64_digest(&sum) != header->sum)
        return damaged(reader);
    column_grow(&blocks->raw, header->raw);
    size_t raw = ZSTD_decompressDCtx(blocks->zstd, blocks->raw.bytes, header->raw,
                                     bytes + FORMAT_BLOCK, header->stored);
    if (ZSTD_isError(raw) || raw != header->raw)
        return damaged(reader);
    return true;
}

static const char *get_string(struct trace_reader *reader, struct cursor *from)
{
    uint64_t size = cursor_leb(from);
    const unsigned char *bytes = cursor_bytes(from, size);

    if (from->bad || (size && memchr(bytes, 0, size)))
        return NULL;
    return tables_text(&reader->tables, bytes, size);
}

static bool read_info(struct trace_reader *reader, const struct header *header)
{
    struct blocks *blocks = reader->state;
    struct cursor from = {blocks->raw.bytes, blocks->raw.bytes + header->raw, false};
    const char *command = get_string(reader, &from), *machine = get_string(reader, &from);
    uint64_t began = cursor_leb(&from), page_size = cursor_leb(&from);

    if (from.bad || !command || !machine || page_size > UINT32_MAX)
        return damaged(reader);
    reader->info = (struct trace_info){command, machine, began, (uint32_t)page_size};
    return true;
}

static bool begin_events(struct trace_reader *reader, const struct header *header)
{
    struct blocks *blocks = reader->state;
    struct cursor from = {blocks->raw.bytes, blocks->raw.bytes + header->raw, false};
    uint64_t count, sizes[COLUMNS] = {0};

    blocks->entries = cursor_leb(&from);
    count = cursor_leb(&from);
    if (count > 256 || count < COLUMNS)
        return damaged(reader);
    for (size_t i = 0; i < COLUMNS; i++)
        sizes[i] = cursor_leb(&from);
    for (size_t i = COLUMNS; i < count; i++) /* those of later versions are not for us */
        cursor_leb(&from);
    for (size_t i = 0; i < COLUMNS; i++) {
        const unsigned char *bytes = cursor_bytes(&from, sizes[i]);
        if (!bytes)
            return damaged(reader);
        blocks->columns[i] = (struct cursor){bytes, bytes + sizes[i], false};
    }
    if (from.bad || blocks->entries != sizes[COLUMN_CODE])
        return damaged(reader);
    model_reset(&blocks->model, header->first);
    return true;
}

static bool check_end(struct trace_reader *reader, const struct header *header)
{
    struct blocks *blocks = reader->state;
    struct cursor from = {blocks->raw.bytes, blocks->raw.bytes + header->raw, false};
    uint64_t count = cursor_leb(&from);

    if (from.bad || count != reader->events)
        return damaged(reader);
    if (stream_peek(&reader->stream, 1))
        return reader_damaged(reader, "followed by something else from byte %llu on",
                              (unsigned long long)reader->stream.offset);
    return false;
}

/* The next block with entries. False: the end, or damage. */
static bool next_block(struct trace_reader *reader)
{
    struct header header;

    while (read_block(reader, &header)) {
        if (header.type == FORMAT_END)
            return check_end(reader, &header);
        if (header.type == FORMAT_EVENTS)
            return begin_events(reader, &header);
        if (header.type == FORMAT_INFO && !read_info(reader, &header))
            return false;
    }
    return false;
}

/* ---- entries ---- */

static bool definition(struct trace_reader *reader, unsigned code)
{
    struct blocks *blocks = reader->state;
    struct tables *tables = &reader->tables;
    struct cursor *from = &blocks->columns[COLUMN_DEFINITION];
    const char *first, *second;
    uint64_t number, id;

    if (code == CODE_MODULE) {
        first = get_string(reader, from);
        second = get_string(reader, from);
        return first && second && tables_module(tables, &(struct trace_module){first, second});
    }
    if (code == CODE_NODE) {
        number = tables->nodes.count - 1 - cursor_leb(from);
        id = cursor_leb(from);
        uint64_t offset = cursor_leb(from);
        return !from->bad && number <= UINT32_MAX && id <= UINT32_MAX &&
               tables_node(tables, &(struct trace_node){(uint32_t)number, (uint32_t)id, offset});
    }
    number = cursor_leb(from);
    id = unzigzag(cursor_leb(from));
    first = get_string(reader, from);
    if (from->bad || !first || number > UINT32_MAX || (uint64_t)(int64_t)(int)id != id)
        return false;
    if (code == CODE_PROCESS)
        return tables_process(tables, &(struct trace_process){(uint32_t)number, (int)id, first});
    return tables_thread(tables, &(struct trace_thread){(uint32_t)number, (int)id, first});
}

static uint64_t get_far(struct blocks *blocks, uint64_t base)
{
    struct cursor *from = &blocks->columns[COLUMN_PTR];
    uint64_t folded = cursor_leb(from), ptr = far_to(folded, base);

    if (folded & 1)
        ptr |= cursor_byte(from) & 15;
    blocks->model.far = ptr;
    return ptr;
}

static const struct model_made *made_ago(const struct model *model, uint64_t age)
{
    if (age >= model->made || age >= WINDOW)
        return NULL;
    return &model->ring[(model->made - 1 - age) % WINDOW];
}

static bool get_new(struct blocks *blocks, struct trace_event *event, enum format_place place)
{
    struct model *model = &blocks->model;
    struct model_class *class = model_class(model, event->thread, event->size);

    switch (place) {
    case PLACE_SAME:
        event->ptr = event->old;
        break;
    case PLACE_REUSED:
        if (class->count == 0)
            return false;
        event->ptr = model_reused(class);
        break;
    case PLACE_NEXT:
        event->ptr = class->last + class->stride;
        break;
    default:
        event->ptr = get_far(blocks, class->last ? class->last : model->far);
    }
    model_made(model, class, event->ptr, event->size, place);
    return true;
}

static bool get_stack_and_size(struct trace_reader *reader, struct trace_event *event)
{
    struct blocks *blocks = reader->state;
    struct model *model = &blocks->model;
    uint32_t *expected = model_stack(model, event->thread);
    uint64_t stack = cursor_leb(&blocks->columns[COLUMN_STACK]);

    stack = stack ? stack - 1 : *expected;
    if (stack >= reader->tables.nodes.count)
        return false;
    event->stack = *expected = model->run[event->thread % RUNS] = (uint32_t)stack;
    uint64_t *size = model_size(model, event->stack);
    *size += unzigzag(cursor_leb(&blocks->columns[COLUMN_SIZE]));
    event->size = *size;
    return true;
}

static bool get_realloc(struct trace_reader *reader, struct trace_event *event,
                        enum format_place place)
{
    struct blocks *blocks = reader->state;
    struct model *model = &blocks->model;
    uint64_t age = cursor_leb(&blocks->columns[COLUMN_AGE]);
    struct model_made old = {0, 0};

    if (age >= AGE_FIRST) {
        const struct model_made *made = made_ago(model, age - AGE_FIRST);
        if (!made)
            return false;
        old = *made;
        event->old = old.ptr;
    } else if (age == AGE_FAR) {
        event->old = get_far(blocks, model->far);
    }
    if (!get_stack_and_size(reader, event) || !get_new(blocks, event, place))
        return false;
    if (old.ptr && event->ptr && place != PLACE_SAME)
        model_freed(model, event->thread, &old);
    return true;
}

static bool get_free(struct trace_reader *reader, struct trace_event *event, unsigned code)
{
    struct blocks *blocks = reader->state;
    struct model *model = &blocks->model;

    if (code & CODE_STACK) {
        uint64_t stack = cursor_leb(&blocks->columns[COLUMN_RARE]);
        if (stack >= reader->tables.nodes.count)
            return false;
        event->stack = (uint32_t)stack;
    }
    if (!(code & CODE_KNOWN)) {
        event->ptr = get_far(blocks, model->far);
        return true;
    }
    const struct model_made *made = made_ago(model, cursor_leb(&blocks->columns[COLUMN_AGE]));
    if (!made)
        return false;
    event->ptr = made->ptr;
    model_freed(model, event->thread, made);
    return true;
}

/* Number, thread and time. */
static bool get_common(struct trace_reader *reader, struct trace_event *event, unsigned code)
{
    struct blocks *blocks = reader->state;
    struct model *model = &blocks->model;
    uint64_t number = model->number + 1;

    if (code & CODE_GAP &&
        __builtin_add_overflow(number, cursor_leb(&blocks->columns[COLUMN_GAP]) + 1, &number))
        return false;
    if (number <= reader->number)
        return false;
    if (code & CODE_SWITCH) {
        uint64_t thread = cursor_leb(&blocks->columns[COLUMN_SWITCH]);
        if (thread > UINT32_MAX)
            return false;
        model->thread = (uint32_t)thread;
    }
    if (model->thread && model->thread >= reader->tables.threads.count)
        return false;
    model->number = event->number = number;
    event->thread = model->thread;
    event->time = model->time += unzigzag(cursor_leb(&blocks->columns[COLUMN_TIME]));
    return true;
}

static bool get_event(struct trace_reader *reader, struct trace_event *event, unsigned code)
{
    struct blocks *blocks = reader->state;
    enum format_place place = code >> CODE_PLACE_SHIFT & 3;

    event->op = (enum trace_op)(code & CODE_MASK);
    if (!get_common(reader, event, code))
        return false;
    switch (event->op) {
    case TRACE_ALLOC:
    case TRACE_ALLOC_ZEROED:
        return get_stack_and_size(reader, event) && get_new(blocks, event, place);
    case TRACE_REALLOC:
        return get_realloc(reader, event, place);
    case TRACE_FREE:
        return get_free(reader, event, code);
    case TRACE_EXIT:
        event->size = cursor_leb(&blocks->columns[COLUMN_RARE]);
        return true;
    default:
        return true;
    }
}

static bool any_bad(const struct blocks *blocks)
{
    bool bad = false;
    for (size_t i = 0; i < COLUMNS; i++)
        bad |= blocks->columns[i].bad;
    return bad;
}

static bool next(struct trace_reader *reader, struct trace_event *event)
{
    struct blocks *blocks = reader->state;
    bool has_owner = false;

    *event = (struct trace_event){.op = TRACE_ALLOC};
    for (;;) {
        if (blocks->entries == 0 && !next_block(reader))
            return false;
        blocks->entries--;
        unsigned code = cursor_byte(&blocks->columns[COLUMN_CODE]);
        unsigned kind = code & CODE_MASK;
        if (kind < TRACE_OPS) {
            if (!get_event(reader, event, code) || any_bad(blocks))
                return damaged(reader);
            if (!has_owner)
                event->process = trace_thread(reader, event->thread)->process;
            return true;
        }
        if (kind == CODE_ALIGN) {
            event->align = cursor_leb(&blocks->columns[COLUMN_RARE]);
        } else if (kind == CODE_OWNER) {
            uint64_t owner = cursor_leb(&blocks->columns[COLUMN_RARE]);
            if (owner && owner >= reader->tables.processes.count)
                return damaged(reader);
            event->process = (uint32_t)owner;
            has_owner = true;
        } else if (!definition(reader, kind)) {
            return damaged(reader);
        }
    }
}

static void close_blocks(struct trace_reader *reader)
{
    struct blocks *blocks = reader->state;

    if (!blocks)
        return;
    ZSTD_freeDCtx(blocks->zstd);
    free(blocks->stored.bytes);
    free(blocks->raw.bytes);
    free(blocks);
}

static bool open_blocks(struct trace_reader *reader)
{
    unsigned char bytes[FORMAT_HEADER];
    struct header header;
    size_t got = stream_read(&reader->stream, bytes, sizeof bytes);

    if (got >= 12 && get_32(bytes + 8) != FORMAT_VERSION) {
        message("%s is a trace of version %u; this cairn reads version %d", reader->path,
                (unsigned)get_32(bytes + 8), FORMAT_VERSION);
        return false;
    }
    struct blocks *blocks = memory_take(1, sizeof *blocks);
    reader->state = blocks;
    blocks->zstd = ZSTD_createDCtx();
    if (!blocks->zstd) {
        message("out of memory");
        exit(EXIT_OWN_ERROR);
    }
    if (got < sizeof bytes)
        cut_short(reader);
    else if (get_32(bytes + 12) != FORMAT_HEADER || get_32(bytes + 16) != FORMAT_RAW_MAX ||
             get_32(bytes + 20) != 0)
        reader_damaged(reader, "damaged in its header, bytes 12 to 23");
    else if (read_block(reader, &header)) {
        if (header.type == FORMAT_INFO)
            read_info(reader, &header);
        else
            damaged(reader);
    }
    return true;
}

const struct reader_form reader_compressed = {
    .open = open_blocks,
    .next = next,
    .close = close_blocks,
};
