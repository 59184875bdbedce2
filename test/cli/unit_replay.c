/* SPDX-License-Identifier: MIT */
/*
 * The plan compiler of `cairn replay`: what it makes of events, read back word by word; and plans
 * of random events, executed here in random orders that obey what the words say: whatever the
 * order, each operation must find its block as the trace has it, and no thread may wait for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_memory.h"
#include "replay/compiler.h"

/* A trace under way, and what came of it. */
struct sheet {
    struct compiler compiler;
    FILE *file;
    uint64_t number;
};

/* One stream, read back: its words without those that fill up chunks. */
struct words {
    uint64_t *word;
    size_t count;
};

static void begin(struct sheet *sheet, bool strict)
{
    *sheet = (struct sheet){.file = tmpfile()};
    assert_non_null(sheet->file);
    compiler_init(&sheet->compiler, fileno(sheet->file), strict);
}

static void end(struct sheet *sheet)
{
    compiler_fini(&sheet->compiler);
    fclose(sheet->file);
}

static void take(struct sheet *sheet, struct trace_event event)
{
    event.number = ++sheet->number;
    compiler_take(&sheet->compiler, &event);
}

static void alloc(struct sheet *sheet, uint32_t thread, uint64_t ptr, uint64_t size)
{
    take(sheet,
         (struct trace_event){.op = TRACE_ALLOC, .thread = thread, .ptr = ptr, .size = size});
}

static void resize(struct sheet *sheet, uint32_t thread, uint64_t old, uint64_t ptr, uint64_t size)
{
    take(sheet, (struct trace_event){
                    .op = TRACE_REALLOC, .thread = thread, .old = old, .ptr = ptr, .size = size});
}

static void release(struct sheet *sheet, uint32_t thread, uint64_t ptr)
{
    take(sheet, (struct trace_event){.op = TRACE_FREE, .thread = thread, .ptr = ptr});
}

static void end_thread(struct sheet *sheet, uint32_t thread)
{
    take(sheet, (struct trace_event){.op = TRACE_THREAD_END, .thread = thread});
}

static struct plan_header finish(struct sheet *sheet)
{
    struct plan_header header;

    assert_true(compiler_finish(&sheet->compiler));
    assert_int_equal(pread(fileno(sheet->file), &header, sizeof header, 0), sizeof header);
    assert_true(header.magic == PLAN_MAGIC);
    return header;
}

static void read_at(const struct sheet *sheet, void *to, size_t size, uint64_t at)
{
    assert_int_equal(pread(fileno(sheet->file), to, size, (off_t)at), size);
}

static struct words read_stream(const struct sheet *sheet, const struct plan_header *header,
                                size_t index)
{
    struct plan_stream streams[PLAN_STREAMS];
    uint64_t before = 0;
    struct words words = {0};

    read_at(sheet, streams, header->streams * sizeof *streams, header->streams_at);
    for (size_t i = 0; i < index; i++)
        before += streams[i].chunks;
    words.word = memory_take(streams[index].chunks * PLAN_CHUNK_WORDS, sizeof *words.word);
    for (uint64_t i = 0; i < streams[index].chunks; i++) {
        uint64_t chunk[PLAN_CHUNK_WORDS], at;
        read_at(sheet, &at, sizeof at, header->chunks_at + (before + i) * sizeof at);
        read_at(sheet, chunk, sizeof chunk, at);
        for (size_t w = 0; w < PLAN_CHUNK_WORDS && plan_kind_of(chunk[w]) != PLAN_NOTHING; w++) {
            words.word[words.count++] = chunk[w];
            if (plan_kind_of(chunk[w]) < PLAN_WAIT && plan_size_of(chunk[w]) == PLAN_LONG)
                words.word[words.count++] = chunk[++w];
        }
    }
    return words;
}

static size_t count_kind(const struct words *words, enum plan_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < words->count; i++) {
        count += plan_kind_of(words->word[i]) == kind;
        if (plan_kind_of(words->word[i]) < PLAN_WAIT && plan_size_of(words->word[i]) == PLAN_LONG)
            i++;
    }
    return count;
}

/* ---- one thing at a time ---- */

static void test_numbers_are_used_again(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    for (unsigned i = 0; i < 10000; i++) {
        alloc(&sheet, 0, 0x1000 + i * 16, 10);
        alloc(&sheet, 0, 0x900000 + i * 16, 20);
        release(&sheet, 0, 0x1000 + i * 16);
        release(&sheet, 0, 0x900000 + i * 16);
    }
    struct plan_header header = finish(&sheet);
    assert_int_equal(header.numbers, 2);
    assert_int_equal(header.operations, 40000);
    assert_int_equal(header.streams, 1);
    assert_int_equal(header.most_blocks, 2);
    assert_int_equal(header.most_bytes, 30);
    assert_int_equal(header.most_at, 2);
    assert_int_equal(header.blocks_at_end, 0);
    struct words words = read_stream(&sheet, &header, 0);
    assert_int_equal(count_kind(&words, PLAN_ALLOC), 20000);
    assert_int_equal(count_kind(&words, PLAN_FREE), 20000);
    assert_int_equal(count_kind(&words, PLAN_WAIT), 0);
    free(words.word);
    end(&sheet);
}

/* One thread makes, another ends: the numbers come back, though late. */
static void test_numbers_are_few(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    for (uint64_t i = 1; i < 200000; i++) {
        alloc(&sheet, 0, i * 16, 8);
        if (i > 100)
            release(&sheet, 1, (i - 100) * 16);
    }
    struct plan_header header = finish(&sheet);
    assert_int_equal(header.most_blocks, 101);
    assert_in_range(header.numbers, 101, 101 + NUMBERS_OWN + NUMBERS_QUIET + 10);
    end(&sheet);
}

static void test_free_elsewhere_waits(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    alloc(&sheet, 0, 0x1000, 10);
    alloc(&sheet, 0, 0x2000, 10);
    release(&sheet, 1, 0x2000);
    release(&sheet, 1, 0x1000); /* before that: known already */
    struct plan_header header = finish(&sheet);
    struct words words = read_stream(&sheet, &header, 1);
    const uint64_t expected[] = {plan_mark(2), plan_wait(0, 2), plan_operation(PLAN_FREE, 0, 1),
                                 plan_operation(PLAN_FREE, 0, 0)};
    assert_int_equal(header.streams, 2);
    assert_int_equal(words.count, 4);
    assert_memory_equal(words.word, expected, sizeof expected);
    free(words.word);
    end(&sheet);
}

/* The old address is given to another thread before the event of the realloc that left it. */
static void test_realloc_that_moves(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    alloc(&sheet, 0, 0x1000, 10);
    alloc(&sheet, 1, 0x1000, 30);
    resize(&sheet, 0, 0x1000, 0x5000, 100);
    release(&sheet, 0, 0x5000);
    struct plan_header header = finish(&sheet);
    struct words words = read_stream(&sheet, &header, 0);
    const uint64_t expected[] = {plan_mark(0), plan_operation(PLAN_ALLOC, 10, 0),
                                 plan_operation(PLAN_REALLOC, 100, 0),
                                 plan_operation(PLAN_FREE, 0, 0)};
    assert_int_equal(words.count, 4);
    assert_memory_equal(words.word, expected, sizeof expected);
    assert_int_equal(header.blocks_at_end, 1);
    assert_int_equal(header.bytes_at_end, 30);
    assert_int_equal(header.most_bytes, 130);
    assert_int_equal(header.reallocations, 1);
    free(words.word);
    end(&sheet);
}

static void test_threads_that_follow_each_other(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    alloc(&sheet, 0, 0x1000, 1);
    for (uint32_t thread = 1; thread < 50; thread++) {
        alloc(&sheet, thread, 0x1000 + thread * 16, 1);
        end_thread(&sheet, thread);
    }
    struct plan_header header = finish(&sheet);
    struct words words = read_stream(&sheet, &header, 1);
    assert_int_equal(header.streams, 2);
    assert_int_equal(count_kind(&words, PLAN_SUCCESSOR), 48);
    assert_int_equal(count_kind(&words, PLAN_ALLOC), 49);
    assert_int_equal(sheet.compiler.folded, 0);
    assert_int_equal(sheet.compiler.threads_seen, 50);
    free(words.word);
    end(&sheet);
}

static void test_more_threads_than_streams(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    for (uint32_t thread = 0; thread < 300; thread++)
        alloc(&sheet, thread, 0x1000 + thread * 16, 1);
    for (uint32_t thread = 0; thread < 300; thread++)
        release(&sheet, thread, 0x1000 + thread * 16);
    struct plan_header header = finish(&sheet);
    assert_int_equal(header.streams, PLAN_STREAMS);
    assert_int_equal(sheet.compiler.folded, 300 - PLAN_STREAMS);
    assert_int_equal(header.blocks_at_end, 0);
    end(&sheet);
}

static void test_sizes_and_alignments(void **state)
{
    const uint64_t large = UINT64_C(1) << 40;
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    alloc(&sheet, 0, 0x1000, PLAN_LONG - 1);
    alloc(&sheet, 0, 0x2000, PLAN_LONG);
    alloc(&sheet, 0, 0x3000, large);
    take(&sheet, (struct trace_event){.op = TRACE_ALLOC, .ptr = 0x4000, .size = 5, .align = 4096});
    take(&sheet, (struct trace_event){.op = TRACE_ALLOC, .ptr = 0x5000, .size = 5, .align = 16});
    take(&sheet, (struct trace_event){.op = TRACE_ALLOC_ZEROED, .ptr = 0x6000, .size = 6});
    struct plan_header header = finish(&sheet);
    struct words words = read_stream(&sheet, &header, 0);
    const uint64_t expected[] = {
        plan_mark(0),
        plan_operation(PLAN_ALLOC, PLAN_LONG - 1, 0),
        plan_operation(PLAN_ALLOC, PLAN_LONG, 1),
        PLAN_LONG,
        plan_operation(PLAN_ALLOC, PLAN_LONG, 2),
        large,
        plan_operation(PLAN_ALLOC_ALIGNED, PLAN_LONG, 3),
        5 | UINT64_C(12) << PLAN_SIZE_BITS,
        plan_operation(PLAN_ALLOC, 5, 4),
        plan_operation(PLAN_ALLOC_ZEROED, 6, 5),
    };
    assert_int_equal(words.count, sizeof expected / sizeof *expected);
    assert_memory_equal(words.word, expected, sizeof expected);
    free(words.word);
    end(&sheet);
}

static void test_what_is_left_out(void **state)
{
    struct sheet sheet;

    (void)state;
    begin(&sheet, false);
    alloc(&sheet, 0, 0, 1000);            /* failed */
    release(&sheet, 0, 0x7000);           /* nobody knows it */
    resize(&sheet, 0, 0x8000, 0x9000, 7); /* nor this one: an allocation */
    alloc(&sheet, 0, 0x1000, 5);
    resize(&sheet, 0, 0x1000, 0, 1 << 20); /* failed: it stays */
    release(&sheet, 0, 0x1000);
    struct plan_header header = finish(&sheet);
    assert_int_equal(sheet.compiler.failed, 2);
    assert_int_equal(sheet.compiler.live.unknown, 2);
    assert_int_equal(header.operations, 3);
    assert_int_equal(header.allocations, 2);
    assert_int_equal(header.blocks_at_end, 1);
    assert_int_equal(header.bytes_at_end, 7);
    end(&sheet);
}

static void test_full_disk(void **state)
{
    struct sheet sheet;
    FILE *full = fopen("/dev/full", "r+");

    (void)state;
    if (!full)
        skip();
    begin(&sheet, false);
    sheet.compiler.writer.file = fileno(full);
    alloc(&sheet, 0, 0x1000, 1);
    assert_false(compiler_finish(&sheet.compiler));
    assert_int_not_equal(sheet.compiler.writer.error, 0);
    end(&sheet);
    fclose(full);
}

/* ---- random traces, executed ---- */

enum { THREADS = 12, ADDRESSES = 400, EVENTS = 60000 };

struct random {
    uint64_t state;
};

static uint64_t draw(struct random *random, uint64_t below)
{
    random->state = random->state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (random->state >> 33) % below;
}

/* Threads make, resize and end each other's blocks, and end and begin themselves. */
static void make_random_trace(struct sheet *sheet, struct random *random)
{
    uint64_t sizes[ADDRESSES] = {0};
    uint32_t threads[THREADS], next = THREADS;

    for (uint32_t i = 0; i < THREADS; i++)
        threads[i] = i;
    for (unsigned i = 0; i < EVENTS; i++) {
        uint64_t place = draw(random, ADDRESSES), which = draw(random, THREADS);
        uint64_t ptr = 0x1000 + place * 0x1000;
        if (draw(random, 500) == 0) {
            end_thread(sheet, threads[which]);
            threads[which] = next++;
        }
        if (sizes[place] && draw(random, 4) == 0) {
            sizes[place] = draw(random, 1000) + 1;
            resize(sheet, threads[which], ptr, ptr, sizes[place]);
        } else if (sizes[place]) {
            release(sheet, threads[which], ptr);
            sizes[place] = 0;
        } else {
            sizes[place] = draw(random, 1000) + 1;
            alloc(sheet, threads[which], ptr, sizes[place]);
        }
    }
}

/* The replay of a plan, in an order of our own. */
struct stage {
    struct plan_header header;
    struct words streams[PLAN_STREAMS];
    size_t at[PLAN_STREAMS];
    uint64_t done[PLAN_STREAMS], position[PLAN_STREAMS];
    uint64_t *sizes; /* by number, + 1; 0: not live */
    uint64_t blocks, bytes, operations;
    uint64_t order; /* a digest of who did what when */
};

static bool may_go_on(const struct stage *stage, uint64_t position)
{
    for (size_t i = 0; i < stage->header.streams; i++)
        if (stage->position[i] + PLAN_DRIFT < position)
            return false;
    return true;
}

static void act(struct stage *stage, uint64_t word, uint64_t size)
{
    uint64_t *held = &stage->sizes[plan_number_of(word)];

    assert_in_range(plan_number_of(word), 0, stage->header.numbers - 1);
    switch (plan_kind_of(word)) {
    case PLAN_FREE:
        assert_int_not_equal(*held, 0);
        stage->blocks--;
        stage->bytes -= *held - 1;
        *held = 0;
        break;
    case PLAN_REALLOC:
        assert_int_not_equal(*held, 0);
        stage->bytes += size + 1 - *held;
        *held = size + 1;
        break;
    default:
        assert_int_equal(*held, 0);
        stage->blocks++;
        stage->bytes += size;
        *held = size + 1;
        break;
    }
    stage->operations++;
}

/* One word of a stream. False if it must wait, or has none left. */
static bool step(struct stage *stage, size_t index)
{
    const struct words *words = &stage->streams[index];

    if (stage->at[index] == words->count) {
        stage->position[index] = UINT64_MAX - PLAN_DRIFT;
        return false;
    }
    uint64_t word = words->word[stage->at[index]], size = plan_size_of(word);
    switch (plan_kind_of(word)) {
    case PLAN_WAIT:
        if (stage->done[word >> 4 & 0xfff] < word >> 16)
            return false;
        break;
    case PLAN_MARK:
        stage->position[index] = word >> 4;
        if (!may_go_on(stage, word >> 4))
            return false;
        break;
    case PLAN_SUCCESSOR:
        break;
    default:
        if (size == PLAN_LONG)
            size = words->word[++stage->at[index]] & ((UINT64_C(1) << PLAN_SIZE_BITS) - 1);
        act(stage, word, size);
        stage->done[index]++;
        stage->order = (stage->order ^ word ^ index << 48) * UINT64_C(0x100000001b3);
        break;
    }
    stage->at[index]++;
    return true;
}

static void open_stage(struct stage *stage, const struct sheet *sheet, struct plan_header header)
{
    struct plan_stream streams[PLAN_STREAMS];

    *stage = (struct stage){.header = header};
    read_at(sheet, streams, header.streams * sizeof *streams, header.streams_at);
    stage->sizes = memory_take(header.numbers, sizeof *stage->sizes);
    for (size_t i = 0; i < header.streams; i++) {
        stage->streams[i] = read_stream(sheet, &header, i);
        stage->position[i] = streams[i].first;
    }
}

static void close_stage(struct stage *stage)
{
    for (size_t i = 0; i < stage->header.streams; i++)
        free(stage->streams[i].word);
    free(stage->sizes);
}

/* To the end, streams in random order: each as far as it can, or a few steps. */
static void perform(struct stage *stage, struct random *random)
{
    const struct plan_header *header = &stage->header;
    unsigned idle = 0;

    while (stage->operations < header->operations) {
        size_t index = (size_t)draw(random, header->streams);
        uint64_t steps = draw(random, 3) == 0 ? UINT64_MAX : draw(random, 20) + 1;
        bool moved = false;
        while (steps-- > 0 && step(stage, index))
            moved = true;
        idle = moved ? 0 : idle + 1;
        assert_in_range(idle, 0, 100 * header->streams); /* else all wait for ever */
    }
    assert_int_equal(stage->blocks, header->blocks_at_end);
    assert_int_equal(stage->bytes, header->bytes_at_end);
}

static void test_any_order_that_obeys(void **state)
{
    struct random random = {.state = 1};

    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        struct sheet sheet;
        struct stage stage;
        begin(&sheet, false);
        make_random_trace(&sheet, &random);
        struct plan_header header = finish(&sheet);
        assert_int_equal(header.operations, EVENTS);
        for (unsigned i = 0; i < 4; i++) {
            open_stage(&stage, &sheet, header);
            perform(&stage, &random);
            close_stage(&stage);
        }
        end(&sheet);
    }
}

/* A digest of who did what in which order. */
static uint64_t order_of(bool strict, uint64_t seed)
{
    struct random events = {.state = 2}, turns = {.state = seed};
    struct sheet sheet;
    struct stage stage;

    begin(&sheet, strict);
    make_random_trace(&sheet, &events);
    open_stage(&stage, &sheet, finish(&sheet));
    perform(&stage, &turns);
    uint64_t order = stage.order;
    close_stage(&stage);
    end(&sheet);
    return order;
}

static void test_strict_order(void **state)
{
    (void)state;
    assert_true(order_of(true, 10) == order_of(true, 20));
    assert_true(order_of(false, 10) != order_of(false, 20)); /* else that says nothing */
}

/* At each boundary: what is live, and that each stream has a mark before it goes beyond. */
static void test_boundaries(void **state)
{
    struct random random = {.state = 3};
    struct sheet sheet;
    struct stage stage;

    (void)state;
    begin(&sheet, false);
    make_random_trace(&sheet, &random);
    struct plan_header header = finish(&sheet);
    struct plan_boundary *boundaries = memory_take(header.boundaries, sizeof *boundaries);
    read_at(&sheet, boundaries, header.boundaries * sizeof *boundaries, header.boundaries_at);
    open_stage(&stage, &sheet, header);
    assert_int_equal(boundaries[0].at, 0);
    assert_int_equal(boundaries[header.boundaries - 1].at, header.operations);
    for (size_t b = 1; b < header.boundaries; b++) {
        bool moved = true;
        assert_in_range(boundaries[b].at - boundaries[b - 1].at, b + 1 < header.boundaries,
                        PLAN_CELL_MOST);
        while (moved) { /* all that are not beyond, until none can go on */
            moved = false;
            for (size_t i = 0; i < header.streams; i++) {
                for (;;) {
                    const struct words *words = &stage.streams[i];
                    uint64_t word = stage.at[i] < words->count ? words->word[stage.at[i]] : 0;
                    if (plan_kind_of(word) == PLAN_MARK && word >> 4 >= boundaries[b].at)
                        break;
                    if (!step(&stage, i))
                        break;
                    moved = true;
                }
            }
        }
        assert_int_equal(stage.operations, boundaries[b].at);
        assert_int_equal(stage.blocks, boundaries[b].blocks);
        assert_int_equal(stage.bytes, boundaries[b].bytes);
    }
    free(boundaries);
    close_stage(&stage);
    end(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_used_again),
        cmocka_unit_test(test_numbers_are_few),
        cmocka_unit_test(test_free_elsewhere_waits),
        cmocka_unit_test(test_realloc_that_moves),
        cmocka_unit_test(test_threads_that_follow_each_other),
        cmocka_unit_test(test_more_threads_than_streams),
        cmocka_unit_test(test_sizes_and_alignments),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_any_order_that_obeys),
        cmocka_unit_test(test_strict_order),
        cmocka_unit_test(test_boundaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
