/* SPDX-License-Identifier: MIT */
/*
 * See compiler.h. To leave out waits that are met already, each stream keeps how far every other one
 * has come for sure: what it waited for last. (What that one had waited for is not followed up:
 * a wait that is met costs a load.)
 */
#include "replay/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

enum { FIRST_CELL = 16, CELLS_OF_A_KIND = 1024, NATURAL_ALIGN = 16 };

void compiler_init(struct compiler *compiler, int file, bool strict)
{
    *compiler = (struct compiler){.strict = strict};
    plan_writer_init(&compiler->writer, file);
    live_init(&compiler->live);
    numbers_init(&compiler->numbers, PLAN_STREAMS);
}

void compiler_fini(struct compiler *compiler)
{
    for (size_t i = 0; i < PLAN_STREAMS; i++)
        free(compiler->streams[i].known);
    free(compiler->threads);
    numbers_fini(&compiler->numbers);
    live_fini(&compiler->live);
    plan_writer_fini(&compiler->writer);
}

/*
 * --- threads ------------------------------------------------------------------------------------
 */

static struct compiler_thread *thread_of(struct compiler *compiler, uint32_t index)
{
    if (index >= compiler->thread_room) {
        size_t room = compiler->thread_room ? compiler->thread_room : 64;
        while (room <= index)
            room *= 2;
        compiler->threads = memory_resize(compiler->threads, room, sizeof *compiler->threads);
        memset(compiler->threads + compiler->thread_room, 0,
               (room - compiler->thread_room) * sizeof *compiler->threads);
        compiler->thread_room = room;
    }
    return &compiler->threads[index];
}

/* A stream without a thread, a new one, or the one with the fewest. */
static size_t find_stream(struct compiler *compiler)
{
    struct plan_header *header = &compiler->writer.header;
    size_t fewest = 0;

    for (size_t i = 0; i < header->streams; i++) {
        if (compiler->streams[i].threads == 0)
            return i;
        if (compiler->streams[i].threads < compiler->streams[fewest].threads)
            fewest = i;
    }
    if (header->streams < PLAN_STREAMS) {
        size_t added = header->streams++;
        compiler->streams[added].known = memory_take(PLAN_STREAMS,
                                                     sizeof *compiler->streams[added].known);
        return added;
    }
    compiler->folded++;
    return fewest;
}

static size_t stream_of(struct compiler *compiler, uint32_t index)
{
    struct compiler_thread *thread = thread_of(compiler, index);

    if (thread->stream == 0) {
        size_t found = find_stream(compiler);
        struct compiler_stream *stream = &compiler->streams[found];
        if (stream->had_thread)
            plan_put(&compiler->writer, found, (const uint64_t[]){PLAN_SUCCESSOR}, 1);
        stream->had_thread = false;
        stream->threads++;
        compiler->threads_seen++;
        thread->stream = (uint32_t)found + 1;
    }
    return thread->stream - 1;
}

static void end_thread(struct compiler *compiler, uint32_t index)
{
    struct compiler_thread *thread = thread_of(compiler, index);

    if (thread->stream == 0)
        return;
    struct compiler_stream *stream = &compiler->streams[thread->stream - 1];
    stream->threads--;
    stream->had_thread = stream->threads == 0;
    thread->stream = 0;
}

/*
 * --- operations ---------------------------------------------------------------------------------
 */

static void put(struct compiler *compiler, size_t stream, uint64_t word)
{
    plan_put(&compiler->writer, stream, &word, 1);
}

static void await(struct compiler *compiler, size_t stream, size_t other, uint64_t operations)
{
    uint64_t *known = &compiler->streams[stream].known[other];

    if (stream == other || *known >= operations)
        return;
    put(compiler, stream, plan_wait(other, operations));
    *known = operations;
}

static void put_boundary(struct compiler *compiler)
{
    struct plan_header *header = &compiler->writer.header;
    uint64_t at = header->operations, size = FIRST_CELL;

    while (size < PLAN_CELL_MOST && at >= 2 * size * CELLS_OF_A_KIND)
        size *= 2;
    plan_put_boundary(&compiler->writer,
                      (struct plan_boundary){at, compiler->blocks, compiler->bytes});
    compiler->next_boundary = at + size;
    compiler->cell++;
}

static unsigned logarithm(uint64_t align)
{
    return align > 1 ? 63 - (unsigned)__builtin_clzll(align) : 0;
}

static void put_operation(struct compiler *compiler, size_t stream, enum plan_kind kind,
                          uint64_t size, uint64_t align, uint32_t number)
{
    struct plan_header *header = &compiler->writer.header;
    struct compiler_stream *state = &compiler->streams[stream];
    struct plan_stream_writer *target = &compiler->writer.streams[stream];
    struct number_use *use = &compiler->numbers.uses[number];
    const uint64_t most = (UINT64_C(1) << PLAN_SIZE_BITS) - 1;

    if (header->operations == compiler->next_boundary)
        put_boundary(compiler);
    if (state->cell != compiler->cell)
        put(compiler, stream, plan_mark(header->operations));
    state->cell = compiler->cell;
    if (target->first == UINT64_MAX)
        target->first = header->operations;
    if (use->operation)
        await(compiler, stream, use->stream, use->operation);
    if (compiler->strict && header->operations > 0)
        await(compiler, stream, compiler->last_stream,
              compiler->writer.streams[compiler->last_stream].operations);
    if (size >= PLAN_LONG || kind == PLAN_ALLOC_ALIGNED) {
        uint64_t more = (size < most ? size : most) | (uint64_t)logarithm(align) << PLAN_SIZE_BITS;
        uint64_t words[] = {plan_operation(kind, PLAN_LONG, number), more};
        plan_put(&compiler->writer, stream, words, 2);
    } else {
        put(compiler, stream, plan_operation(kind, size, number));
    }
    target->operations++;
    header->operations++;
    *use = (struct number_use){.stream = stream & 0xfff, .operation = target->operations};
    compiler->last_stream = stream;
}

static void count_live(struct compiler *compiler)
{
    struct plan_header *header = &compiler->writer.header;

    if (compiler->blocks > header->most_blocks)
        header->most_blocks = compiler->blocks;
    if (compiler->bytes > header->most_bytes) {
        header->most_bytes = compiler->bytes;
        header->most_at = header->operations;
    }
}

static void put_alloc(struct compiler *compiler, const struct trace_event *event,
                      struct live_block *block)
{
    size_t stream = stream_of(compiler, event->thread);
    enum plan_kind kind = event->align > NATURAL_ALIGN      ? PLAN_ALLOC_ALIGNED
                          : event->op == TRACE_ALLOC_ZEROED ? PLAN_ALLOC_ZEROED
                                                            : PLAN_ALLOC;

    block->tag = numbers_take(&compiler->numbers, stream);
    put_operation(compiler, stream, kind, event->size, event->align, block->tag);
    compiler->writer.header.allocations++;
    compiler->blocks++;
    compiler->bytes += block->size;
}

static void put_realloc(struct compiler *compiler, const struct trace_event *event,
                        const struct live_change *change)
{
    put_operation(compiler, stream_of(compiler, event->thread), PLAN_REALLOC, event->size, 0,
                  change->block->tag);
    compiler->writer.header.reallocations++;
    compiler->bytes += change->block->size - change->before.size;
}

static void put_free(struct compiler *compiler, const struct trace_event *event,
                     const struct live_block *block)
{
    size_t stream = stream_of(compiler, event->thread);

    put_operation(compiler, stream, PLAN_FREE, 0, 0, block->tag);
    numbers_give(&compiler->numbers, stream, block->tag);
    compiler->writer.header.frees++;
    compiler->blocks--;
    compiler->bytes -= block->size;
}

void compiler_take(struct compiler *compiler, const struct trace_event *event)
{
    if (event->op == TRACE_THREAD_END)
        end_thread(compiler, event->thread);
    if (event->op > TRACE_FREE)
        return;
    if (event->op != TRACE_FREE && event->ptr == 0) {
        compiler->failed++;
        return;
    }
    struct live_change change = live_apply(&compiler->live, event, NULL, NULL);
    if (change.ended && change.made)
        put_realloc(compiler, event, &change);
    else if (change.made)
        put_alloc(compiler, event, change.block);
    else if (change.ended)
        put_free(compiler, event, &change.before);
    count_live(compiler);
}

bool compiler_finish(struct compiler *compiler)
{
    struct plan_header *header = &compiler->writer.header;

    put_boundary(compiler); /* the end is one */
    header->numbers = compiler->numbers.count;
    header->blocks_at_end = compiler->blocks;
    header->bytes_at_end = compiler->bytes;
    return plan_finish(&compiler->writer);
}
