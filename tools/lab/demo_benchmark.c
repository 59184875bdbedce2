/* SPDX-License-Identifier: MIT */
/*
 * The demonstration that measures: see demo.h. Blocks of one size are allocated, filled, walked in
 * the order in which they were allocated, and released; the allocator lives on from round to round.
 * The first round is not counted; of the others, in which the allocators take turns, the median is.
 */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/subject.h"
#include "message.h"
#include "own_memory.h"
#include "page/document.h"
#include "spawn.h"
#include "table.h"
#include "text.h"

enum { ROUNDS = 8, LINE = 64, BLOCKS_MOST = 10000 };

static const struct {
    const char *name;
    size_t size, count;
} loads[] = {{"small", 64, 10000}, {"medium", 1024, 5000}, {"large", 8192, 1000}};
enum { LOADS = sizeof loads / sizeof *loads };

static const struct {
    const char *name;
    struct subject_choice choice;
} benches[] = {
    {"malloc (C library)", {.kind = SUBJECT_SYSTEM}},
    {"arena", {.kind = SUBJECT_ARENA}},
    {"pool", {.kind = SUBJECT_POOL}},
    {"slab_set", {.kind = SUBJECT_SLAB_SET}},
    {"fit:segregated", {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_SEGREGATED}},
    {"buddy", {.kind = SUBJECT_BUDDY}},
    {"heap (Cairn's malloc)", {.kind = SUBJECT_HEAP}},
};
enum { BENCHES = sizeof benches / sizeof *benches };

struct bench {
    struct subject subject;
    double allocate[ROUNDS], walk[ROUNDS], release[ROUNDS]; /* nanoseconds a block */
    size_t memory;                                          /* bytes held, at most */
};

static size_t held_by(const struct bench *bench)
{
    if (bench->subject.choice.kind != SUBJECT_SYSTEM)
        return subject_held(&bench->subject);
    struct mallinfo2 info = mallinfo2(); /* in use, with headers: what is free serves all */
    return info.uordblks + info.hblkhd;
}

static void release(struct bench *bench, void **blocks, size_t count, cairn_layout layout)
{
    if (bench->subject.choice.kind == SUBJECT_ARENA) {
        cairn_arena_reset(&bench->subject.as.arena);
        return;
    }
    for (size_t i = 0; i < count; i++)
        bench->subject.allocator.ops->dealloc(bench->subject.allocator.self, blocks[i], layout);
}

/* A word of every cache line, of every block. */
static uint64_t walk(void **blocks, size_t count, size_t size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < size; at += LINE)
            sum += *(const volatile uint64_t *)((const char *)blocks[i] + at);
    return sum;
}

static bool play_round(struct bench *bench, size_t round, cairn_layout layout, size_t count)
{
    static void *blocks[BLOCKS_MOST];
    cairn_allocator allocator = bench->subject.allocator;
    size_t before = bench->subject.choice.kind == SUBJECT_SYSTEM && round == 0 ? held_by(bench) : 0;

    double start = spawn_clock();
    for (size_t i = 0; i < count; i++)
        if (!(blocks[i] = allocator.ops->alloc(allocator.self, layout)))
            return false;
    double allocated = spawn_clock();
    for (size_t i = 0; i < count; i++)
        memset(blocks[i], (int)i, layout.size);
    size_t memory = held_by(bench) - before;
    if (round == 0)
        bench->memory = memory;
    double filled = spawn_clock();
    (void)walk(blocks, count, layout.size);
    double walked = spawn_clock();
    release(bench, blocks, count, layout);
    double released = spawn_clock();

    double each = 1e9 / (double)count;
    bench->allocate[round] = (allocated - start) * each;
    bench->walk[round] = (walked - filled) * each;
    bench->release[round] = (released - walked) * each;
    return true;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Without the first, which finds everything cold. */
static double median(double *rounds)
{
    qsort(rounds + 1, ROUNDS - 1, sizeof *rounds, by_value);
    return rounds[1 + (ROUNDS - 1) / 2];
}

static void add_time(struct table *table, double nanoseconds)
{
    table_add(table, STYLE_PLAIN,
              memory_format(nanoseconds < 99.95 ? "%.1f" : "%.0f", nanoseconds));
}

static void print(struct demo *demo, struct bench *results, size_t load)
{
    static const char *const heads[] = {"",        "allocate ns", "release ns",
                                        "walk ns", "memory",      "per byte asked"};
    static const char *const units[] = {"",      "nanoseconds", "nanoseconds", "nanoseconds",
                                        "bytes", "ratio"};
    double asked = (double)(loads[load].size * loads[load].count);
    char *title = memory_format("%s: %zu blocks of %zu bytes", loads[load].name, loads[load].count,
                                loads[load].size);
    json_t *section = demo->document ? document_table(demo->document, title) : NULL;
    char memory[TEXT_SHORT];
    struct table table;

    table_init(&table, sizeof heads / sizeof *heads, demo->color);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        table_add(&table, STYLE_HEAD, memory_copy(i ? heads[i] : loads[load].name));
        if (section)
            document_column(section, i ? heads[i] : "allocator", units[i], i ? "less" : NULL);
    }
    for (size_t i = 0; i < BENCHES; i++) {
        struct bench *bench = &results[i];
        double times[] = {median(bench->allocate), median(bench->release), median(bench->walk)};
        double held = (double)bench->memory;
        table_add(&table, STYLE_PLAIN, memory_copy(benches[i].name));
        for (size_t j = 0; j < 3; j++)
            add_time(&table, times[j]);
        table_add(&table, STYLE_PLAIN, memory_copy(text_bytes(memory, held)));
        table_add(&table, STYLE_PLAIN, memory_format("%.2f", held / asked));
        if (section)
            document_row(section, json_pack("[s,f,f,f,f,f]", benches[i].name, times[0], times[1],
                                            times[2], held, held / asked));
    }
    fprintf(demo->to, "%s\n\n", title);
    table_print(&table, demo->to);
    fputc('\n', demo->to);
    table_fini(&table);
    free(title);
}

static bool play_load(struct demo *demo, struct bench *results, size_t load)
{
    cairn_layout layout = {loads[load].size, 16};
    size_t opened = 0;
    bool good = true;

    for (; opened < BENCHES && good; opened++)
        good = subject_open(&results[opened].subject, &benches[opened].choice, 0, layout);
    if (!good)
        opened--;
    for (size_t round = 0; round < ROUNDS && good; round++)
        for (size_t i = 0; i < BENCHES && good; i++)
            good = play_round(&results[i], round, layout, loads[load].count);
    if (good)
        print(demo, results, load);
    else
        message("lab: an allocator of the benchmark had no memory");
    while (opened > 0)
        subject_close(&results[--opened].subject);
    return good;
}

bool demo_benchmark(struct demo *demo)
{
    struct bench *results = memory_take(BENCHES, sizeof *results);
    bool good = true;

    demo_say(demo, "Seven allocators, three sizes. Each allocates the blocks, the blocks are "
                   "filled, then walked (a word of every cache line, in the order of allocation), "
                   "then released: one by one, but the arena's, all at once. Nanoseconds are for "
                   "each block, the median of seven rounds; memory is what the allocator held.");
    for (size_t load = 0; load < LOADS && good; load++)
        good = play_load(demo, results, load);
    free(results);
    if (!good)
        return false;
    demo_say(demo, "An arena does least, and is fastest: nothing is given back singly. Pools "
                   "and slabs know one size, or few. Walking is about where the "
                   "blocks lie: side by side is best. The C library gives memory back to the "
                   "system as soon as the top is free, and pays for it again in the next round.");
    demo_say(demo, "next: cairn bench   (real workloads, all allocators of this machine)");
    return true;
}
