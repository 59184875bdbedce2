/* SPDX-License-Identifier: MIT */
/* The demonstration of fragmentation: see demo.h. */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "message.h"
#include "own_memory.h"
#include "text.h"

enum { REGION = 4096, BLOCKS = 8, SIZE = 440, PICTURE = 64 };

static const struct subject_choice merging = {
    .kind = SUBJECT_FIT, .strategy = CAIRN_FIT_FIRST, .coalescing = CAIRN_FIT_IMMEDIATE};
static const struct subject_choice not_merging = {
    .kind = SUBJECT_FIT, .strategy = CAIRN_FIT_FIRST, .coalescing = CAIRN_FIT_NEVER};

/* The region as a line: a letter for each block, dots for what is free. */
static void draw(struct demo *demo, const struct player *player)
{
    struct map map = {.runs = NULL};
    char line[PICTURE + 1];

    memset(line, '-', PICTURE);
    line[PICTURE] = '\0';
    map_take(&map, player);
    for (size_t i = 0; i < map.count; i++) {
        const struct map_run *run = &map.runs[i];
        size_t from = run->at * PICTURE / map.size;
        size_t to = (run->at + run->size) * PICTURE / map.size;
        for (size_t j = from; j < to && run->state != MAP_OTHER; j++)
            line[j] = run->state == MAP_FREE ? '.' : (char)('A' + run->block % 26);
    }
    fprintf(demo->to, "    |%s|\n", line);
    map_fini(&map);
}

static void show(struct demo *demo, struct player *player, uint64_t request)
{
    static const enum metric shown[] = {METRIC_FREE, METRIC_HOLES, METRIC_LARGEST_FREE,
                                        METRIC_EXTERNAL};
    struct metrics metrics;

    metrics_take(&metrics, player, request);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        char *value = metrics_text(shown[i], metrics.values[shown[i]]);
        demo_show(demo, metric_definitions[shown[i]].title, "%s", value);
        free(value);
    }
    char what[TEXT_SHORT];
    snprintf(what, sizeof what, "a request of %zu bytes", (size_t)request);
    demo_show(demo, what, "%s", metrics.values[METRIC_PROBE] > 0 ? "is met" : "gets NULL");
    fputc('\n', demo->to);
}

/* Eight blocks that fill the region; every other one ends; then the others but the last. */
static void write_calls(struct ops *ops, size_t parts[2])
{
    for (int i = 0; i < BLOCKS; i++)
        ops_alloc(ops, SIZE);
    for (uint32_t i = 0; i < BLOCKS; i += 2)
        ops_free(ops, i);
    parts[0] = ops->count;
    for (uint32_t i = 1; i < BLOCKS - 1; i += 2)
        ops_free(ops, i);
    parts[1] = ops->count;
}

static bool play_small(struct demo *demo, const struct ops *ops, const size_t parts[2])
{
    struct subject subject;
    struct player player;
    cairn_layout largest = {SIZE, 16};

    if (!subject_open(&subject, &merging, REGION, largest))
        return false;
    player_init(&player, &subject, ops, true);
    bool good = player_seek(&player, BLOCKS);
    draw(demo, &player);
    fputc('\n', demo->to);
    demo_say(demo, "Eight blocks of 440 bytes, A to H, in a region of 4 KiB (dashes are the "
                   "allocator's own records). Now every other one is freed:");
    good = good && player_seek(&player, parts[0]);
    draw(demo, &player);
    fputc('\n', demo->to);
    show(demo, &player, 2 * SIZE);
    demo_say(demo, "More than half is free, yet no two blocks' worth of it in one piece: external "
                   "fragmentation. When B, D and F go as well, their neighbours merge with them:");
    good = good && player_seek(&player, parts[1]);
    draw(demo, &player);
    fputc('\n', demo->to);
    show(demo, &player, 2 * SIZE);
    player_fini(&player);
    subject_close(&subject);
    return good;
}

static bool play_never(struct demo *demo, const struct ops *ops, size_t at)
{
    struct subject subject;
    struct player player;
    cairn_layout largest = {SIZE, 16};

    if (!subject_open(&subject, &not_merging, REGION, largest))
        return false;
    demo_say(demo, "The same calls on an allocator that never merges. The picture is the same, "
                   "but what was cut once stays cut:");
    player_init(&player, &subject, ops, false);
    bool good = player_seek(&player, at);
    draw(demo, &player);
    fputc('\n', demo->to);
    show(demo, &player, 2 * SIZE);
    player_fini(&player);
    subject_close(&subject);
    return good;
}

static bool play_table(struct demo *demo)
{
    static const struct subject_choice choices[] = {
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_FIRST},
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_NEXT},
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_BEST},
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_SEGREGATED},
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_BEST, .coalescing = CAIRN_FIT_DEFERRED},
        {.kind = SUBJECT_FIT, .strategy = CAIRN_FIT_BEST, .coalescing = CAIRN_FIT_NEVER},
        {.kind = SUBJECT_BUDDY},
    };
    enum { COUNT = sizeof choices / sizeof *choices };
    struct experiment experiments[COUNT];
    struct lab_options options = {.count = COUNT};
    struct experiment_plan plan = {
        .pattern =
            {.name = "random", .from = 16, .to = 1024, .live = 256, .steps = 10000, .seed = 1},
        .region = SIZE_MAX,
        .probe = UINT64_MAX,
        .samples = 200};
    bool good = pattern_make(&plan.ops, &plan.pattern);
    size_t done = 0;

    experiment_settle(&plan);
    demo_say(demo, "So it matters how an allocator chooses a hole, and when it merges. Ten "
                   "thousand calls, random sizes, a random block replaced by a new one, the "
                   "means:");
    for (; good && done < COUNT; done++)
        good = experiment_run(&experiments[done], &plan, &choices[done]);
    if (good)
        lab_table_several(experiments, COUNT, &options, demo->to, demo->color, 80);
    while (done > 0)
        experiment_fini(&experiments[--done]);
    ops_fini(&plan.ops);
    fputc('\n', demo->to);
    return good;
}

bool demo_fragmentation(struct demo *demo)
{
    struct ops ops = {.list = NULL};
    size_t parts[2];

    write_calls(&ops, parts);
    bool good = play_small(demo, &ops, parts) && play_never(demo, &ops, parts[1]) &&
                play_table(demo);
    ops_fini(&ops);
    if (good)
        demo_say(demo, "External: the part of what is free that is not in its largest piece. "
                       "Internal: the part of the blocks that nobody asked for; a buddy system "
                       "loses a quarter there. `cairn lab metrics` defines them all.");
    if (good)
        demo_say(demo, "next: cairn lab run --pattern sawtooth --fit first --watch   (see it "
                       "happen), cairn lab run --pattern robson --all   (the worst case)");
    return good;
}
