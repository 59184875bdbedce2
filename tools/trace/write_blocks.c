/* SPDX-License-Identifier: MIT */
/*
 * Writes the compressed form: see format.h for how, docs/trace-format.md for what. Each column of a
 * block ends a block of the zstd frame, so that each is compressed with statistics of its own.
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

enum { LEVEL = 3, PLACES = 1 << 17 };

struct blocks {
    struct model model;
    struct column columns[COLUMNS];
    struct column stored;
    uint32_t entries;
    uint64_t first;          /* number of the first event */
    bool open;               /* the model knows that number */
    uint32_t places[PLACES]; /* by pointer: the value of model.made after it was made */
    ZSTD_CCtx *zstd;
};

static void put_32(unsigned char *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static void put_64(unsigned char *to, uint64_t value)
{
    put_32(to, (uint32_t)value);
    put_32(to + 4, (uint32_t)(value >> 32));
}

/* One part of the frame; the last one ends it. */
static void compress(struct blocks *blocks, const struct column *part, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {part->bytes, part->used, 0};
    size_t left;

    do {
        column_grow(&blocks->stored, ZSTD_CStreamOutSize());
        ZSTD_outBuffer out = {blocks->stored.bytes, blocks->stored.room, blocks->stored.used};
        left = ZSTD_compressStream2(blocks->zstd, &out, &in, how);
        if (ZSTD_isError(left)) {
            message("zstd: %s", ZSTD_getErrorName(left));
            exit(EXIT_OWN_ERROR);
        }
        blocks->stored.used = out.pos;
    } while (left);
}

/* Begins a block of the file whose parts hold `raw` bytes in all. */
static void begin(struct blocks *blocks, size_t raw)
{
    blocks->stored.used = 0;
    column_grow(&blocks->stored, FORMAT_BLOCK);
    blocks->stored.used = FORMAT_BLOCK;
    ZSTD_CCtx_reset(blocks->zstd, ZSTD_reset_session_only);
    ZSTD_CCtx_setPledgedSrcSize(blocks->zstd, raw);
}

static void put_block(struct trace_writer *writer, enum format_block type, size_t raw,
                      uint64_t first)
{
    struct blocks *blocks = writer->state;
    unsigned char *header = blocks->stored.bytes;

    put_32(header, FORMAT_MARK);
    put_32(header + 4, type);
    put_32(header + 8, (uint32_t)(blocks->stored.used - FORMAT_BLOCK));
    put_32(header + 12, (uint32_t)raw);
    put_64(header + 16, first);
    XXH64_state_t sum;
    XXH64_reset(&sum, 0);
    XXH64_update(&sum, header, 24);
    XXH64_update(&sum, header + FORMAT_BLOCK, blocks->stored.used - FORMAT_BLOCK);
    put_64(header + 24, XXH64_digest(&sum));
    writer_put(writer, header, blocks->stored.used);
}

static void put_whole(struct trace_writer *writer, enum format_block type, const struct column *all,
                      uint64_t first)
{
    struct blocks *blocks = writer->state;
    begin(blocks, all->used);
    compress(blocks, all, ZSTD_e_end);
    put_block(writer, type, all->used, first);
}

static void put_string(struct column *to, const char *text)
{
    size_t size = strlen(text);
    if (size > FORMAT_STRING_MAX)
        size = FORMAT_STRING_MAX;
    column_leb(to, size);
    column_grow(to, size);
    memcpy(to->bytes + to->used, text, size);
    to->used += size;
}

static void *create(struct trace_writer *writer, const struct trace_info *info)
{
    struct blocks *blocks = memory_take(1, sizeof *blocks);
    unsigned char header[FORMAT_HEADER] = FORMAT_MAGIC;
    struct column about = {.bytes = NULL};

    writer->state = blocks;
    blocks->zstd = ZSTD_createCCtx();
    if (!blocks->zstd) {
        message("out of memory");
        exit(EXIT_OWN_ERROR);
    }
    ZSTD_CCtx_setParameter(blocks->zstd, ZSTD_c_compressionLevel, LEVEL);
    put_32(header + 8, FORMAT_VERSION);
    put_32(header + 12, FORMAT_HEADER);
    put_32(header + 16, FORMAT_RAW_MAX);
    writer_put(writer, header, sizeof header);
    put_string(&about, info->command ? info->command : "");
    put_string(&about, info->machine ? info->machine : "");
    column_leb(&about, info->began);
    column_leb(&about, info->page_size);
    put_whole(writer, FORMAT_INFO, &about, 0);
    free(about.bytes);
    return blocks;
}

static void flush(struct trace_writer *writer)
{
    struct blocks *blocks = writer->state;
    struct column head = {.bytes = NULL};
    size_t raw;

    if (blocks->entries == 0)
        return;
    column_leb(&head, blocks->entries);
    column_leb(&head, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++)
        column_leb(&head, blocks->columns[i].used);
    raw = head.used;
    for (size_t i = 0; i < COLUMNS; i++)
        raw += blocks->columns[i].used;
    begin(blocks, raw);
    compress(blocks, &head, ZSTD_e_continue);
    for (size_t i = 0; i < COLUMNS; i++)
        if (blocks->columns[i].used)
            compress(blocks, &blocks->columns[i], ZSTD_e_flush);
    compress(blocks, &(struct column){.bytes = NULL}, ZSTD_e_end);
    put_block(writer, FORMAT_EVENTS, raw, blocks->open ? blocks->first : writer->number);
    free(head.bytes);
    for (size_t i = 0; i < COLUMNS; i++)
        blocks->columns[i].used = 0;
    blocks->entries = 0;
    blocks->open = false;
}

/* Before an entry: writes the block if it is full, begins the next one. */
static struct blocks *next_entry(struct trace_writer *writer, bool is_event)
{
    struct blocks *blocks = writer->state;

    if (blocks->entries >= FORMAT_ENTRIES - 4) {
        flush(writer);
    } else if (!is_event || (blocks->entries & 63) == 0) {
        size_t raw = 0;
        for (size_t i = 0; i < COLUMNS; i++)
            raw += blocks->columns[i].used;
        if (raw >= FORMAT_RAW)
            flush(writer);
    }
    if (blocks->entries == 0)
        model_reset(&blocks->model, 1);
    blocks->entries++;
    return blocks;
}

static void process(struct trace_writer *writer, uint32_t index, const struct trace_process *is)
{
    struct blocks *blocks = next_entry(writer, false);
    struct column *to = &blocks->columns[COLUMN_DEFINITION];

    (void)index;
    column_byte(&blocks->columns[COLUMN_CODE], CODE_PROCESS);
    column_leb(to, is->parent);
    column_leb(to, zigzag((uint64_t)(int64_t)is->pid));
    put_string(to, is->command);
}

static void thread(struct trace_writer *writer, uint32_t index, const struct trace_thread *is)
{
    struct blocks *blocks = next_entry(writer, false);
    struct column *to = &blocks->columns[COLUMN_DEFINITION];

    (void)index;
    column_byte(&blocks->columns[COLUMN_CODE], CODE_THREAD);
    column_leb(to, is->process);
    column_leb(to, zigzag((uint64_t)(int64_t)is->tid));
    put_string(to, is->name);
}

static void module(struct trace_writer *writer, uint32_t index, const struct trace_module *is)
{
    struct blocks *blocks = next_entry(writer, false);
    struct column *to = &blocks->columns[COLUMN_DEFINITION];

    (void)index;
    column_byte(&blocks->columns[COLUMN_CODE], CODE_MODULE);
    put_string(to, is->path);
    put_string(to, is->build_id);
}

static void node(struct trace_writer *writer, uint32_t index, const struct trace_node *is)
{
    struct blocks *blocks = next_entry(writer, false);
    struct column *to = &blocks->columns[COLUMN_DEFINITION];

    column_byte(&blocks->columns[COLUMN_CODE], CODE_NODE);
    column_leb(to, index - 1 - is->parent); /* often the node before: 0 */
    column_leb(to, is->module);
    column_leb(to, is->offset);
}

/* ---- events ---- */

static uint32_t *place_of(struct blocks *blocks, uint64_t ptr)
{
    return &blocks->places[(ptr >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 47];
}

static void put_far(struct blocks *blocks, uint64_t ptr, uint64_t base)
{
    struct column *to = &blocks->columns[COLUMN_PTR];
    column_leb(to, far_from(ptr, base));
    if (ptr & 15)
        column_byte(to, ptr & 15);
    blocks->model.far = ptr;
}

/* How many allocations ago the live block at ptr was made; false if that is not known. */
static bool age_of(struct blocks *blocks, uint64_t ptr, uint32_t *age)
{
    const struct model *model = &blocks->model;
    uint32_t made = *place_of(blocks, ptr);

    if (made == 0 || made > model->made || model->made - made >= WINDOW ||
        model->ring[(made - 1) % WINDOW].ptr != ptr)
        return false;
    *age = model->made - made;
    return true;
}

/* Says where the new block is; the bits for the code. */
static unsigned put_new(struct blocks *blocks, const struct trace_event *event, bool may_be_same)
{
    struct model *model = &blocks->model;
    struct model_class *class = model_class(model, event->thread, event->size);
    enum format_place place = PLACE_FAR;

    if (may_be_same && event->ptr == event->old) {
        place = PLACE_SAME;
    } else if (class->count && model_reused(class) == event->ptr) {
        place = PLACE_REUSED;
    } else if (class->last + class->stride == event->ptr) {
        place = PLACE_NEXT;
    } else {
        put_far(blocks, event->ptr, class->last ? class->last : model->far);
    }
    model_made(model, class, event->ptr, event->size, place);
    *place_of(blocks, event->ptr) = model->made;
    return (unsigned)place << CODE_PLACE_SHIFT;
}

static void put_stack_and_size(struct blocks *blocks, const struct trace_event *event)
{
    struct model *model = &blocks->model;
    uint32_t *stack = model_stack(model, event->thread);
    uint64_t *size = model_size(model, event->stack);

    column_leb(&blocks->columns[COLUMN_STACK],
               event->stack == *stack ? 0 : (uint64_t)event->stack + 1);
    *stack = event->stack;
    model->run[event->thread % RUNS] = event->stack;
    column_leb(&blocks->columns[COLUMN_SIZE], zigzag(event->size - *size));
    *size = event->size;
}

static unsigned put_realloc(struct blocks *blocks, const struct trace_event *event)
{
    struct model *model = &blocks->model;
    struct column *ages = &blocks->columns[COLUMN_AGE];
    struct model_made old = {0, 0};
    uint32_t age;

    if (event->old == 0) {
        column_leb(ages, AGE_NONE);
    } else if (age_of(blocks, event->old, &age)) {
        column_leb(ages, (uint64_t)age + AGE_FIRST);
        old = model->ring[(model->made - 1 - age) % WINDOW];
    } else {
        column_leb(ages, AGE_FAR);
        put_far(blocks, event->old, model->far);
    }
    put_stack_and_size(blocks, event);
    unsigned bits = put_new(blocks, event, true);
    if (old.ptr && event->ptr && bits >> CODE_PLACE_SHIFT != PLACE_SAME)
        model_freed(model, event->thread, &old);
    return bits;
}

static unsigned put_free(struct blocks *blocks, const struct trace_event *event)
{
    struct model *model = &blocks->model;
    unsigned bits = 0;
    uint32_t age;

    if (event->stack) {
        column_leb(&blocks->columns[COLUMN_RARE], event->stack);
        bits |= CODE_STACK;
    }
    if (!age_of(blocks, event->ptr, &age)) {
        put_far(blocks, event->ptr, model->far);
        return bits;
    }
    column_leb(&blocks->columns[COLUMN_AGE], age);
    model_freed(model, event->thread, &model->ring[(model->made - 1 - age) % WINDOW]);
    return bits | CODE_KNOWN;
}

/* Counts the event's entry, and those that stand before it, in the same block: full ones have room
 * for them. */
static void put_prefixes(struct trace_writer *writer, const struct trace_event *event)
{
    const struct defined *defined = &writer->defined;
    uint32_t owner = event->thread < defined->thread_count ? defined->threads[event->thread] : 0;
    bool is_foreign = event->process != owner;
    struct blocks *blocks = next_entry(writer, !is_foreign && !event->align);

    if (is_foreign) {
        blocks->entries++;
        column_byte(&blocks->columns[COLUMN_CODE], CODE_OWNER);
        column_leb(&blocks->columns[COLUMN_RARE], event->process);
    }
    if (event->align) {
        blocks->entries++;
        column_byte(&blocks->columns[COLUMN_CODE], CODE_ALIGN);
        column_leb(&blocks->columns[COLUMN_RARE], event->align);
    }
}

static unsigned put_common(struct blocks *blocks, const struct trace_event *event)
{
    struct model *model = &blocks->model;
    unsigned bits = 0;

    if (!blocks->open) {
        blocks->first = event->number;
        model->number = event->number - 1;
        blocks->open = true;
    }
    if (event->number != model->number + 1) {
        column_leb(&blocks->columns[COLUMN_GAP], event->number - model->number - 2);
        bits |= CODE_GAP;
    }
    if (event->thread != model->thread) {
        column_leb(&blocks->columns[COLUMN_SWITCH], event->thread);
        bits |= CODE_SWITCH;
    }
    column_leb(&blocks->columns[COLUMN_TIME], zigzag(event->time - model->time));
    model->number = event->number;
    model->time = event->time;
    model->thread = event->thread;
    return bits;
}

static void put_event(struct trace_writer *writer, const struct trace_event *event)
{
    struct blocks *blocks = writer->state;

    put_prefixes(writer, event);
    unsigned code = (unsigned)event->op | put_common(blocks, event);
    switch (event->op) {
    case TRACE_ALLOC:
    case TRACE_ALLOC_ZEROED:
        put_stack_and_size(blocks, event);
        code |= put_new(blocks, event, false);
        break;
    case TRACE_REALLOC:
        code |= put_realloc(blocks, event);
        break;
    case TRACE_FREE:
        code |= put_free(blocks, event);
        break;
    case TRACE_EXIT:
        column_leb(&blocks->columns[COLUMN_RARE], event->size);
        break;
    default:
        break;
    }
    column_byte(&blocks->columns[COLUMN_CODE], (unsigned char)code);
}

static void finish(struct trace_writer *writer)
{
    struct blocks *blocks = writer->state;
    struct column count = {.bytes = NULL};

    flush(writer);
    column_leb(&count, writer->events);
    put_whole(writer, FORMAT_END, &count, writer->number);
    free(count.bytes);
    ZSTD_freeCCtx(blocks->zstd);
    for (size_t i = 0; i < COLUMNS; i++)
        free(blocks->columns[i].bytes);
    free(blocks->stored.bytes);
    free(blocks);
}

const struct writer_form writer_compressed = {
    .create = create,
    .process = process,
    .thread = thread,
    .module = module,
    .node = node,
    .event = put_event,
    .flush = flush,
    .finish = finish,
};
