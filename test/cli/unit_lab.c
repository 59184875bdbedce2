/* SPDX-License-Identifier: MIT */
/*
 * The parts of the laboratory: lists of calls and their text, patterns, Robson's program, the span,
 * the metrics against figures worked out by hand, playing forwards and back, pictures of the memory.
 *
 * By hand, for a fit over 1 KiB on 64 bits: the first block begins at 48, a block of n bytes takes
 * n + 8 rounded up to 16, and there is room for four of 232 bytes (240 each), no more.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/experiment.h"
#include "lab/map.h"
#include "lab/metrics.h"
#include "lab/ops.h"
#include "lab/pattern.h"
#include "lab/player.h"
#include "lab/watch.h"
#include "unit/sanitizer.h"

/* Under AddressSanitizer the kit grants no byte that was not asked for. */
enum { IS_PLAIN = !UNIT_ASAN };

static const enum cairn_fit_strategy strategies[] = {CAIRN_FIT_FIRST, CAIRN_FIT_NEXT,
                                                     CAIRN_FIT_BEST, CAIRN_FIT_SEGREGATED};
static const enum cairn_fit_coalescing coalescings[] = {CAIRN_FIT_IMMEDIATE, CAIRN_FIT_DEFERRED,
                                                        CAIRN_FIT_NEVER};

/* Of traces, which are not looked at here. */
bool pattern_trace(struct ops *ops, const char *path, size_t most)
{
    (void)ops, (void)path, (void)most;
    return false;
}

struct stage {
    struct ops ops;
    struct subject subject;
    struct player player;
};

static void begin(struct stage *stage, const struct subject_choice *choice, size_t region)
{
    cairn_layout largest = {stage->ops.largest, 16};

    assert_true(subject_open(&stage->subject, choice, region, largest));
    player_init(&stage->player, &stage->subject, &stage->ops, true);
}

static void end(struct stage *stage)
{
    player_fini(&stage->player);
    subject_close(&stage->subject);
    ops_fini(&stage->ops);
}

static double value(struct stage *stage, enum metric metric)
{
    struct metrics metrics;

    metrics_take(&metrics, &stage->player, 0);
    return metrics.values[metric];
}

#define assert_value(stage, metric, expected)                                                      \
    assert_true(fabs(value(stage, metric) - (double)(expected)) < 1e-12)

static struct subject_choice fit(enum cairn_fit_strategy strategy,
                                 enum cairn_fit_coalescing coalescing)
{
    return (struct subject_choice){
        .kind = SUBJECT_FIT, .strategy = strategy, .coalescing = coalescing};
}

/* ---- calls ---- */

static void calls_are_sound(void **state)
{
    struct ops ops = {.list = NULL};

    (void)state;
    assert_null(ops_add(&ops, OP_ALLOC, 7, 100, 4));
    assert_non_null(ops_add(&ops, OP_ALLOC, 7, 100, 4)); /* in use */
    assert_non_null(ops_add(&ops, OP_FREE, 6, 0, 4));    /* never was */
    assert_null(ops_add(&ops, OP_RESIZE, 7, 300, 4));
    assert_null(ops_add(&ops, OP_ALLOC, 8, 50, 6));
    assert_null(ops_add(&ops, OP_FREE, 7, 0, 4));
    assert_non_null(ops_add(&ops, OP_FREE, 7, 0, 4));
    assert_non_null(ops_add(&ops, OP_RESIZE, 7, 1, 4));
    assert_int_equal(ops.count, 4);
    assert_int_equal(ops.peak_bytes, 350);
    assert_int_equal(ops.peak_blocks, 2);
    assert_int_equal(ops.live_bytes, 50);
    assert_int_equal(ops.largest, 300);
    assert_int_equal(ops.largest_align, 6);
    ops_fini(&ops);
}

static struct ops read_text(const char *text, bool expected)
{
    char path[] = "/tmp/cairn-lab-XXXXXX";
    struct ops ops = {.list = NULL};
    int fd = mkstemp(path);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(ops_read(&ops, path), expected);
    unlink(path);
    return ops;
}

static void calls_as_text(void **state)
{
    static const char text[] = "alloc 3 100\nalloc 4 24 64\nresize 3 200\nfree 4\n";
    char *again = NULL;
    size_t size;

    (void)state;
    struct ops ops = read_text("# a comment\n alloc 3\t100\n\nalloc 4 24 64 # aligned\n"
                               "resize 3 200\nfree 4",
                               true);
    FILE *to = open_memstream(&again, &size);
    ops_write(&ops, to);
    fclose(to);
    assert_string_equal(again, text);
    free(again);
    ops_fini(&ops);
}

static void calls_that_are_none(void **state)
{
    static const char *const texts[] = {"alloc 1\n",
                                        "alloc -1 5\n",
                                        "alloc 1 5 3\n",
                                        "free 1\n",
                                        "malloc 1 5\n",
                                        "alloc 1 5\nfree 1 2\n",
                                        "alloc 1 5\nallo 2 5\n",
                                        "",
                                        "alloc 1 5x\n",
                                        "alloc 1 99999999999999999999\n",
                                        "alloc 4000000000 1\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ops ops = read_text(texts[i], false);
        ops_fini(&ops);
    }
}

/* ---- patterns ---- */

static struct ops make(const char *name, uint64_t live, size_t steps, uint64_t seed)
{
    struct pattern_request request = {
        .name = name, .from = 16, .to = 512, .live = live, .steps = steps, .seed = seed};
    struct ops ops;

    assert_true(pattern_make(&ops, &request));
    return ops;
}

static void patterns_keep_to_what_was_asked(void **state)
{
    (void)state;
    for (size_t i = 0; pattern_names[i]; i++) {
        struct ops ops = make(pattern_names[i], 64, 2000, 1);
        bool is_robson = strcmp(pattern_names[i], "robson") == 0;
        assert_true(ops.peak_blocks <= 64);
        assert_true(ops.largest <= 512);
        if (!is_robson)
            assert_int_equal(ops.count, 2000);
        for (size_t j = 0; j < ops.count; j++)
            assert_true(ops.list[j].kind == OP_FREE || ops.list[j].size >= 16);
        ops_fini(&ops);
    }
}

static bool is_equal(const struct ops *a, const struct ops *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].kind != b->list[i].kind || a->list[i].block != b->list[i].block ||
            a->list[i].size != b->list[i].size)
            return false;
    return true;
}

static void seeds(void **state)
{
    (void)state;
    struct ops one = make("random", 64, 500, 1), again = make("random", 64, 500, 1);
    struct ops other = make("random", 64, 500, 2);
    assert_true(is_equal(&one, &again));
    assert_false(is_equal(&one, &other));
    /* SplitMix64 of seed 1 begins with 0x910a2dec89025cc1: 16 + its share of 497 sizes. */
    assert_int_equal(one.list[0].size, 16 + 281);
    ops_fini(&one);
    ops_fini(&again);
    ops_fini(&other);
}

/* M = 8 units, n = 2: 8 blocks of 1; the odd ones go; 2 blocks of 2 find no hole but the last one
 * and what is behind it: 11 units. */
static void robson_by_hand(void **state)
{
    struct pattern_request request = {.name = "robson", .from = 1, .to = 64, .live = 8, .steps = 1};
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);

    (void)state;
    assert_true(pattern_make(&stage.ops, &request));
    assert_int_equal(stage.ops.count, 8 + 4 + 2);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(stage.ops.list[i].size, 24);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(stage.ops.list[8 + i].kind, OP_FREE);
        assert_int_equal(stage.ops.list[8 + i].block, 2 * i + 1);
    }
    assert_int_equal(stage.ops.list[12].size, 56);
    begin(&stage, &first, 4096);
    assert_true(player_seek(&stage.player, 8));
    uint64_t start = (uint64_t)(stage.player.blocks[0].ptr - stage.subject.span.start);
    assert_int_equal(stage.player.now.high_water, start + 8 * 32 - 8);
    assert_true(player_seek(&stage.player, 14)); /* 11 units, as the bound says */
    assert_int_equal(stage.player.now.high_water, start + 11 * 32 - 8);
    assert_int_equal(stage.player.now.requested, 4 * 24 + 2 * 56);
    end(&stage);
}

/*
 * M = 6, n = 4: blocks at 0 to 5; 1, 3, 5 go; one of 2 comes, to 5. Of the addresses that are 0
 * modulo 4, the blocks at 0 and 4 lie on one, and spoil 3 units each; of those that are 2, the block
 * at 2, and that at 5, which spoil 3 and 2. So 0 and 4 stay, and one of 4 comes, to 5: 9 units.
 */
static void robson_chooses(void **state)
{
    static const char wanted[] = "alloc 0 24\nalloc 1 24\nalloc 2 24\nalloc 3 24\nalloc 4 24\n"
                                 "alloc 5 24\nfree 1\nfree 3\nfree 5\nalloc 6 56\nfree 2\n"
                                 "free 6\nalloc 7 120\n";
    struct pattern_request request = {
        .name = "robson", .from = 1, .to = 128, .live = 6, .steps = 1};
    struct ops ops;
    char *text = NULL;
    size_t size;

    (void)state;
    assert_true(pattern_make(&ops, &request));
    FILE *to = open_memstream(&text, &size);
    ops_write(&ops, to);
    fclose(to);
    assert_string_equal(text, wanted);
    free(text);
    ops_fini(&ops);
}

/* The bound of 1974, which no allocator that does not move can stay below. */
static void robson_bound(void **state)
{
    (void)state;
    for (unsigned doublings = 1; doublings <= 6; doublings++) {
        size_t units = 256, n = (size_t)1 << doublings;
        struct pattern_request request = {
            .name = "robson", .from = 1, .to = 32 * n, .live = units, .steps = 1};
        struct stage stage = {.ops = {.list = NULL}};
        struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);

        assert_true(pattern_make(&stage.ops, &request));
        begin(&stage, &first, (size_t)1 << 20);
        assert_true(player_seek(&stage.player, stage.ops.count));
        assert_true(stage.ops.peak_bytes <= units * 32);
        double bound = (double)units * (doublings / 2.0 + 1) - (double)n + 1;
        assert_int_equal(pattern_robson_bound(&request), bound * 32);
        assert_true((double)stage.player.now.high_water / 32 >= bound);
        end(&stage);
    }
}

/* ---- the span ---- */

static void span_first_fit(void **state)
{
    struct span span;
    cairn_layout layout = {100, 16};

    (void)state;
    assert_true(span_open(&span, 1 << 20));
    span.limit = 4096;
    cairn_allocator source = span_allocator(&span);
    char *a = cairn_allocator_alloc(source, layout), *b = cairn_allocator_alloc(source, layout);
    char *c = cairn_allocator_alloc(source, (cairn_layout){16, 1024});
    assert_ptr_equal(a, span.start);
    assert_int_equal(b - a, 112);
    assert_int_equal(c - a, 1024);
    assert_int_equal(span.held, 112 + 112 + 16);
    assert_int_equal(span.high, 1040);
    cairn_allocator_dealloc(source, a, layout);
    assert_ptr_equal(cairn_allocator_alloc(source, (cairn_layout){90, 1}), a); /* the lowest hole */
    assert_null(cairn_allocator_alloc(source, (cairn_layout){4096, 16}));      /* the limit */
    assert_true(cairn_allocator_owns(source, c));
    span_clear(&span);
    assert_ptr_equal(cairn_allocator_alloc(source, layout), a);
    span_close(&span);
}

/* ---- metrics, by hand ---- */

static void write_three(struct ops *ops)
{
    for (int i = 0; i < 3; i++)
        ops_alloc(ops, 232);
    ops_free(ops, 1);
}

static void middle_freed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) { /* first and next: their records are the least */
        struct stage stage = {.ops = {.list = NULL}};
        struct subject_choice choice = fit(strategies[i], CAIRN_FIT_IMMEDIATE);
        write_three(&stage.ops);
        begin(&stage, &choice, 1024);
        assert_true(player_seek(&stage.player, 3));
        assert_value(&stage, METRIC_HOLES, 1);
        assert_value(&stage, METRIC_LARGEST_FREE, 232);
        assert_value(&stage, METRIC_EXTERNAL, 0);
        assert_value(&stage, METRIC_UTILISATION, 696.0 / 1024);
        assert_value(&stage, METRIC_HIGH_WATER, 760);
        assert_true(player_seek(&stage.player, 4));
        assert_value(&stage, METRIC_HOLES, 2);
        assert_value(&stage, METRIC_FREE, 464);
        assert_value(&stage, METRIC_LARGEST_FREE, 232);
        assert_value(&stage, METRIC_MEAN_FREE, 232);
        assert_value(&stage, METRIC_EXTERNAL, 0.5);
        assert_value(&stage, METRIC_INTERNAL, 0);
        assert_value(&stage, METRIC_BLOCKS, 2);
        assert_value(&stage, METRIC_MEAN_BLOCK, 232);
        assert_value(&stage, METRIC_HIGH_WATER, 760); /* it stays */
        end(&stage);
    }
}

/* All but the first are freed: merged they are one hole of 712, never merged three of 232. */
static void merged_or_not(void **state)
{
    static const struct {
        enum cairn_fit_coalescing coalescing;
        double holes, free, largest;
    } cases[] = {{CAIRN_FIT_IMMEDIATE, 1, 712, 712}, {CAIRN_FIT_NEVER, 3, 696, 232}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stage stage = {.ops = {.list = NULL}};
        struct subject_choice choice = fit(CAIRN_FIT_FIRST, cases[i].coalescing);
        write_three(&stage.ops);
        ops_free(&stage.ops, 2);
        begin(&stage, &choice, 1024);
        assert_true(player_seek(&stage.player, 5));
        assert_value(&stage, METRIC_HOLES, cases[i].holes);
        assert_value(&stage, METRIC_FREE, cases[i].free);
        assert_value(&stage, METRIC_LARGEST_FREE, cases[i].largest);
        assert_value(&stage, METRIC_EXTERNAL, 1 - cases[i].largest / cases[i].free);
        assert_int_equal((int)player_would_get(&stage.player, 700),
                         cases[i].coalescing == CAIRN_FIT_IMMEDIATE);
        assert_true(player_would_get(&stage.player, 232) > 0);
        assert_value(&stage, METRIC_HOLES, cases[i].holes); /* trying changes nothing */
        end(&stage);
    }
}

/* In a region that is too large to be copied it is tried elsewhere, with the same answer. */
static void large_regions_are_tried(void **state)
{
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_DEFERRED);
    size_t region = (size_t)8 << 20;

    (void)state;
    uint32_t block = ops_alloc(&stage.ops, region / 2);
    ops_alloc(&stage.ops, 100);
    ops_free(&stage.ops, block);
    begin(&stage, &first, region);
    assert_true(player_seek(&stage.player, 2));
    assert_true(player_would_get(&stage.player, region / 2) == 0);
    assert_true(player_would_get(&stage.player, region / 4) == 1);
    assert_value(&stage, METRIC_HOLES, 1);
    assert_true(player_seek(&stage.player, 3));
    assert_true(player_would_get(&stage.player, region / 2) == 1);
    assert_value(&stage, METRIC_HOLES, 2);
    assert_value(&stage, METRIC_BLOCKS, 1);
    end(&stage);
}

/* Holes of 232 and, behind, of 120 bytes; then 100 are asked for. */
static void first_or_best(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stage stage = {.ops = {.list = NULL}};
        struct subject_choice choice = fit(i ? CAIRN_FIT_BEST : CAIRN_FIT_FIRST,
                                           CAIRN_FIT_IMMEDIATE);
        uint32_t large = ops_alloc(&stage.ops, 232);
        ops_alloc(&stage.ops, 24);
        uint32_t small = ops_alloc(&stage.ops, 120);
        ops_alloc(&stage.ops, 24);
        ops_free(&stage.ops, large);
        ops_free(&stage.ops, small);
        uint32_t asked = ops_alloc(&stage.ops, 100);
        begin(&stage, &choice, 4096);
        assert_true(player_seek(&stage.player, 6));
        const char *at_large = stage.subject.span.start, *at_small = at_large;
        at_large = stage.player.blocks[1].ptr - 240;
        at_small = stage.player.blocks[1].ptr + 32;
        assert_true(player_seek(&stage.player, 7));
        assert_ptr_equal(stage.player.blocks[asked].ptr, i ? at_small : at_large);
        end(&stage);
    }
}

/* Powers of two: of 100 bytes 128 are granted, of 24, 32. */
static void buddy_by_hand(void **state)
{
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice buddy = {.kind = SUBJECT_BUDDY};
    struct map map = {.runs = NULL};
    uint64_t sums[MAP_STATES] = {0};

    (void)state;
    if (!IS_PLAIN)
        skip();
    ops_alloc(&stage.ops, 100);
    ops_alloc(&stage.ops, 24);
    begin(&stage, &buddy, 8192);
    assert_true(player_seek(&stage.player, 2));
    assert_value(&stage, METRIC_GRANTED, 160);
    assert_value(&stage, METRIC_INTERNAL, 1 - 124.0 / 160);
    assert_value(&stage, METRIC_UTILISATION, 124.0 / 8192);
    assert_true(map_take(&map, &stage.player));
    for (size_t i = 0; i < map.count; i++)
        sums[map.runs[i].state] += map.runs[i].size;
    assert_int_equal(sums[MAP_USED], 124);
    assert_int_equal(sums[MAP_WASTE], 36);
    map_fini(&map);
    end(&stage);
}

static void what_cannot_be_known(void **state)
{
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice heap = {.kind = SUBJECT_HEAP};

    (void)state;
    ops_alloc(&stage.ops, 100);
    begin(&stage, &heap, 0);
    assert_true(player_seek(&stage.player, 1));
    assert_true(isnan(value(&stage, METRIC_EXTERNAL)));
    assert_true(isnan(value(&stage, METRIC_HOLES)));
    assert_true(isnan(value(&stage, METRIC_HIGH_WATER)));
    assert_false(isnan(value(&stage, METRIC_INTERNAL)));
    assert_false(isnan(value(&stage, METRIC_UTILISATION)));
    assert_true(isnan(value(&stage, METRIC_PROBE)));
    end(&stage);
}

static void definitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < METRICS; i++) {
        assert_non_null(metric_definitions[i].name);
        assert_non_null(metric_definitions[i].definition);
    }
}

/* ---- playing ---- */

static void all_play_with_audits(void **state)
{
    static const struct subject_choice others[] = {
        {.kind = SUBJECT_BUDDY}, {.kind = SUBJECT_SLAB_SET},
        {.kind = SUBJECT_HEAP},  {.kind = SUBJECT_ARENA},
        {.kind = SUBJECT_BUMP},  {.kind = SUBJECT_POOL},
        {.kind = SUBJECT_SLAB},  {.kind = SUBJECT_STACK, .text = "counted(fit:best,deferred)"}};

    (void)state;
    for (size_t i = 0; pattern_names[i]; i++) {
        for (size_t j = 0; j < 12 + sizeof others / sizeof *others; j++) {
            struct stage stage = {.ops = make(pattern_names[i], 32, 400, 3)};
            struct subject_choice choice = j < 12 ? fit(strategies[j / 3], coalescings[j % 3])
                                                  : others[j - 12];
            begin(&stage, &choice, (size_t)96 << 10);
            while (stage.player.now.at < stage.ops.count)
                assert_true(player_step(&stage.player) && player_audit(&stage.player));
            end(&stage);
        }
    }
}

/* A block that somebody else wrote to is found when it ends, and by the audit. */
static void overlap_is_found(void **state)
{
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);

    (void)state;
    uint32_t block = ops_alloc(&stage.ops, 100);
    ops_free(&stage.ops, block);
    begin(&stage, &first, 4096);
    assert_true(player_step(&stage.player));
    assert_true(player_audit(&stage.player));
    stage.player.blocks[block].ptr[99] ^= 1;
    assert_false(player_audit(&stage.player));
    assert_false(player_step(&stage.player));
    end(&stage);
}

/* An allocator that is wrong in one way. */
static char broken_memory[1024] __attribute__((aligned(64)));

static void *misaligned(void *self, cairn_layout layout)
{
    (void)self, (void)layout;
    return broken_memory + 1;
}

static void *the_same(void *self, cairn_layout layout)
{
    (void)self, (void)layout;
    return broken_memory;
}

static void *forgetful(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    (void)self, (void)ptr, (void)layout, (void)new_size;
    return memset(broken_memory + 512, 0, 512);
}

static void ignore(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)ptr, (void)layout;
}

static size_t steps_until_broken(const cairn_allocator_ops *broken)
{
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);

    uint32_t block = ops_alloc(&stage.ops, 100);
    ops_alloc(&stage.ops, 100);
    ops_free(&stage.ops, block);
    begin(&stage, &first, 4096);
    stage.subject.allocator = (cairn_allocator){broken, NULL};
    while (stage.player.now.at < stage.ops.count && player_step(&stage.player))
        continue;
    size_t at = stage.player.now.at;
    end(&stage);
    return at;
}

static void broken_contracts_are_found(void **state)
{
    const cairn_allocator_ops crooked = {.alloc = misaligned, .dealloc = ignore};
    const cairn_allocator_ops twice = {.alloc = the_same, .dealloc = ignore};
    const cairn_allocator_ops loses = {.alloc = the_same, .dealloc = ignore, .realloc = forgetful};
    struct ops ops = {.list = NULL};

    (void)state;
    assert_int_equal(steps_until_broken(&crooked), 0);
    assert_int_equal(steps_until_broken(&twice), 2); /* the first, when it ends */
    uint32_t block = ops_alloc(&ops, 100);
    ops_resize(&ops, block, 200);
    struct stage stage = {.ops = ops};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);
    begin(&stage, &first, 4096);
    stage.subject.allocator = (cairn_allocator){&loses, NULL};
    assert_true(player_step(&stage.player));
    assert_false(player_step(&stage.player)); /* its contents are gone */
    end(&stage);
}

static bool same_picture(const struct map *a, const struct map *b)
{
    if (a->count != b->count || a->size != b->size)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->runs[i].at != b->runs[i].at || a->runs[i].size != b->runs[i].size ||
            a->runs[i].state != b->runs[i].state || a->runs[i].block != b->runs[i].block)
            return false;
    return true;
}

static void back_is_as_before(void **state)
{
    static const struct subject_choice choices[] = {
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_NEXT, .coalescing = CAIRN_FIT_DEFERRED},
        {.kind = SUBJECT_BUDDY},
        {.kind = SUBJECT_SLAB_SET},
        {.kind = SUBJECT_ARENA},
        {.kind = SUBJECT_POOL},
        {.kind = SUBJECT_STACK, .text = "fallback(fit:first,slab_set)"}};
    enum { MOMENTS = 40, APART = 25 };

    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        struct stage stage = {.ops = make("sawtooth", 48, MOMENTS * APART, 5)};
        struct map maps[MOMENTS] = {{.runs = NULL}}, now = {.runs = NULL};
        struct player_figures figures[MOMENTS];
        begin(&stage, &choices[i], (size_t)64 << 10);
        for (size_t j = 0; j < MOMENTS; j++) {
            assert_true(player_seek(&stage.player, j * APART));
            assert_true(map_take(&maps[j], &stage.player));
            figures[j] = stage.player.now;
        }
        for (size_t j = 0; j < 3 * MOMENTS; j++) { /* to and fro */
            size_t moment = j * 17 % MOMENTS;
            assert_true(player_seek(&stage.player, moment * APART));
            assert_true(player_audit(&stage.player));
            assert_true(map_take(&now, &stage.player));
            assert_true(same_picture(&now, &maps[moment]));
            assert_memory_equal(&stage.player.now, &figures[moment], sizeof figures[moment]);
        }
        for (size_t j = 0; j < MOMENTS; j++)
            map_fini(&maps[j]);
        map_fini(&now);
        end(&stage);
    }
}

/* ---- pictures ---- */

static void map_and_cells(void **state)
{
    struct stage stage = {.ops = {.list = NULL}};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);
    struct map map = {.runs = NULL};
    struct watch_cell cells[4];
    uint64_t sums[MAP_STATES] = {0}, at = 0;

    (void)state;
    write_three(&stage.ops);
    begin(&stage, &first, 1024);
    assert_true(player_seek(&stage.player, 4));
    assert_true(map_take(&map, &stage.player));
    for (size_t i = 0; i < map.count; i++) { /* without gaps */
        assert_int_equal(map.runs[i].at, at);
        at += map.runs[i].size;
        sums[map.runs[i].state] += map.runs[i].size;
    }
    assert_int_equal(at, 1024);
    assert_int_equal(sums[MAP_USED], 464);
    assert_int_equal(sums[MAP_FREE], 464);
    assert_int_equal(sums[MAP_WASTE], 0);
    assert_int_equal(sums[MAP_OTHER], 96);

    /* Cells of 256 bytes; block 0 lies at 48, block 2 from 528 to 760. */
    watch_cells(cells, 4, &map, 2);
    assert_int_equal(cells[0].bytes[MAP_USED], 256 - 48);
    assert_int_equal(cells[0].bytes[MAP_OTHER], 48);
    assert_int_equal(cells[1].bytes[MAP_USED], 24);
    assert_int_equal(cells[2].bytes[MAP_USED], 760 - 528);
    assert_false(cells[0].is_last || cells[1].is_last || cells[3].is_last);
    assert_true(cells[2].is_last);
    map_fini(&map);
    end(&stage);
}

/* ---- experiments ---- */

static void experiment_sums(void **state)
{
    struct experiment_plan plan = {
        .pattern = {.name = "ops"}, .region = 1024, .probe = 0, .samples = 100};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);
    struct experiment experiment;

    (void)state;
    write_three(&plan.ops);
    assert_true(experiment_run(&experiment, &plan, &first));
    assert_int_equal(experiment.count, 4);
    assert_true(fabs(experiment.mean.values[METRIC_EXTERNAL] - 0.5 / 4) < 1e-12);
    assert_true(fabs(experiment.worst.values[METRIC_EXTERNAL] - 0.5) < 1e-12);
    assert_int_equal(experiment.worst_at[METRIC_EXTERNAL], 4);
    assert_true(fabs(experiment.mean.values[METRIC_HOLES] - 5.0 / 4) < 1e-12);
    assert_int_equal(experiment.first_failure, 0);
    experiment_fini(&experiment);

    ops_alloc(&plan.ops, 233); /* one byte more than any hole */
    ops_alloc(&plan.ops, 232);
    assert_true(experiment_run(&experiment, &plan, &first));
    assert_int_equal(experiment.first_failure, 5);
    assert_true(experiment_end(&experiment)->values[METRIC_FAILURES] == 1);
    experiment_fini(&experiment);

    plan.region = 16; /* too small to begin in */
    assert_true(experiment_run(&experiment, &plan, &first));
    assert_true(experiment.is_empty);
    assert_true(isnan(experiment.mean.values[METRIC_EXTERNAL]));
    experiment_fini(&experiment);
    ops_fini(&plan.ops);
}

static void moments_are_even(void **state)
{
    struct experiment_plan plan = {
        .pattern = {.name = "random"}, .region = (size_t)128 << 10, .samples = 7};
    struct subject_choice first = fit(CAIRN_FIT_FIRST, CAIRN_FIT_IMMEDIATE);
    struct experiment experiment;

    (void)state;
    plan.ops = make("random", 64, 1000, 1);
    assert_true(experiment_run(&experiment, &plan, &first));
    assert_int_equal(experiment.count, 7);
    for (size_t i = 0; i < 7; i++) {
        size_t wanted = (i + 1) * 1000 / 7;
        assert_true(experiment.samples[i].at >= wanted && experiment.samples[i].at <= wanted + 1);
    }
    assert_int_equal(experiment.samples[6].at, 1000);
    experiment_fini(&experiment);
    ops_fini(&plan.ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_sound),
        cmocka_unit_test(calls_as_text),
        cmocka_unit_test(calls_that_are_none),
        cmocka_unit_test(patterns_keep_to_what_was_asked),
        cmocka_unit_test(seeds),
        cmocka_unit_test(robson_by_hand),
        cmocka_unit_test(robson_chooses),
        cmocka_unit_test(robson_bound),
        cmocka_unit_test(span_first_fit),
        cmocka_unit_test(middle_freed),
        cmocka_unit_test(merged_or_not),
        cmocka_unit_test(large_regions_are_tried),
        cmocka_unit_test(first_or_best),
        cmocka_unit_test(buddy_by_hand),
        cmocka_unit_test(what_cannot_be_known),
        cmocka_unit_test(definitions),
        cmocka_unit_test(all_play_with_audits),
        cmocka_unit_test(overlap_is_found),
        cmocka_unit_test(broken_contracts_are_found),
        cmocka_unit_test(back_is_as_before),
        cmocka_unit_test(map_and_cells),
        cmocka_unit_test(experiment_sums),
        cmocka_unit_test(moments_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
