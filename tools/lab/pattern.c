/* SPDX-License-Identifier: MIT */
/*
 * The patterns: see pattern.h. Each stands for a way in which programs use memory, made simple enough
 * to see what it does to a heap. Random replacement in a full heap is the experiment of Knuth (The
 * Art of Computer Programming 1, 2.5); that many blocks die young is Ungar's "generation scavenging"
 * (1984) observation; Wilson, Johnstone, Neely, Boles ("Dynamic Storage Allocation: A Survey and
 * Critical Review", 1995) tell ramps, peaks and plateaus apart, and warn that random sizes are kinder
 * or harsher than programs are: a recorded trace decides.
 */
#define _GNU_SOURCE
#include "lab/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"
#include "random.h"

enum { STEPS_LEAST = 10000, STEPS_EACH = 20 };

/* What a pattern works with. */
struct maker {
    struct ops *ops;
    const struct pattern_request *request;
    struct random random;
    size_t steps;
    uint32_t *live; /* blocks in use, in the order that the pattern keeps */
    size_t count, room;
};

static bool is_full(const struct maker *maker)
{
    const struct pattern_request *request = maker->request;

    return request->live_in_bytes ? maker->ops->live_bytes >= request->live
                                  : maker->ops->live_blocks >= request->live;
}

static bool has_ended(const struct maker *maker)
{
    return maker->ops->count >= maker->steps;
}

static uint64_t random_size(struct maker *maker)
{
    return random_between(&maker->random, maker->request->from, maker->request->to);
}

static void add(struct maker *maker, uint64_t size)
{
    if (maker->count == maker->room) {
        maker->room = maker->room ? maker->room * 2 : 256;
        maker->live = memory_resize(maker->live, maker->room, sizeof *maker->live);
    }
    maker->live[maker->count++] = ops_alloc(maker->ops, size);
}

/* The order of those behind it stays. */
static void end_at(struct maker *maker, size_t index)
{
    ops_free(maker->ops, maker->live[index]);
    maker->count--;
    memmove(maker->live + index, maker->live + index + 1,
            (maker->count - index) * sizeof *maker->live);
}

static size_t random_index(struct maker *maker)
{
    return (size_t)random_below(&maker->random, maker->count);
}

/* ---- patterns ---- */

static void make_fixed(struct maker *maker)
{
    while (!has_ended(maker)) {
        if (is_full(maker))
            end_at(maker, random_index(maker));
        else
            add(maker, maker->request->to);
    }
}

/* The oldest ends first; sizes go up from the smallest to the largest, and begin again. */
static void make_varying(struct maker *maker)
{
    uint64_t from = maker->request->from, range = maker->request->to - from, at = 0;
    uint64_t stride = range / 37 + 1;

    while (!has_ended(maker)) {
        if (is_full(maker)) {
            end_at(maker, 0);
        } else {
            add(maker, from + at);
            at = at == range ? 0 : at + stride > range ? range : at + stride;
        }
    }
}

static void make_random(struct maker *maker)
{
    while (!has_ended(maker)) {
        if (is_full(maker))
            end_at(maker, random_index(maker));
        else
            add(maker, random_size(maker));
    }
}

/* All are allocated, then all freed, in the same order. */
static void make_cycles(struct maker *maker)
{
    while (!has_ended(maker)) {
        while (!is_full(maker) && !has_ended(maker))
            add(maker, random_size(maker));
        while (maker->count > 0 && !has_ended(maker))
            end_at(maker, 0);
    }
}

/* Up to the top, then down to an eighth of it, at random: what stays pins the heap. */
static void make_sawtooth(struct maker *maker)
{
    while (!has_ended(maker)) {
        while (!is_full(maker) && !has_ended(maker))
            add(maker, random_size(maker));
        size_t rest = maker->count / 8;
        while (maker->count > rest && !has_ended(maker))
            end_at(maker, random_index(maker));
    }
}

/* Seven of eight die young, all at once; the eighth lives through eight generations. */
static void make_generations(struct maker *maker)
{
    size_t old = 0, generation = 0; /* the first `old` of the live ones have survived */

    while (!has_ended(maker)) {
        while (!is_full(maker) && !has_ended(maker))
            add(maker, random_size(maker));
        for (size_t i = old; i < maker->count && !has_ended(maker);) {
            if (random_below(&maker->random, 8) == 0)
                i++;
            else
                end_at(maker, i);
        }
        old = maker->count;
        if (++generation % 8 != 0 && !is_full(maker))
            continue;
        while (maker->count > 0 && !has_ended(maker))
            end_at(maker, 0);
        old = 0;
    }
}

/* Buffers that grow by half until they are as large as can be, among each other; then they end. */
static void make_growth(struct maker *maker)
{
    while (!has_ended(maker)) {
        if (maker->count == 0 || (!is_full(maker) && random_below(&maker->random, 4) == 0)) {
            add(maker, maker->request->from);
            continue;
        }
        size_t index = random_index(maker);
        uint32_t block = maker->live[index];
        uint64_t size = maker->ops->sizes[block], larger = size + size / 2 + 1;
        if (size == maker->request->to || (is_full(maker) && maker->request->live_in_bytes))
            end_at(maker, index);
        else
            ops_resize(maker->ops, block,
                       larger < maker->request->to ? larger : maker->request->to);
    }
}

/* ---- the table ---- */

static const struct {
    const char *name, *summary;
    void (*make)(struct maker *maker);
} patterns[] = {
    {"fixed", "one size (the largest); a random block is replaced by a new one", make_fixed},
    {"varying", "sizes climb from the smallest to the largest, over and over; oldest ends first",
     make_varying},
    {"random", "random sizes; a random block is replaced by a new one", make_random},
    {"cycles", "blocks of random sizes are allocated, then all freed, again and again",
     make_cycles},
    {"sawtooth", "up to the full number, then a random seven of eight end, and up again",
     make_sawtooth},
    {"generations", "seven of eight die young; the rest lives through eight generations",
     make_generations},
    {"growth", "buffers grow by half at a time, beside each other, to the largest size",
     make_growth},
    {"robson", "Robson's worst case (1971, 1974), played against first fit", NULL},
};
enum { PATTERNS = sizeof patterns / sizeof *patterns };

const char *const pattern_names[] = {"fixed",       "varying", "random", "cycles", "sawtooth",
                                     "generations", "growth",  "robson", NULL};

static const char *file_of(const char *name, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(name, kind, length) == 0 ? name + length : NULL;
}

bool pattern_exists(const char *name)
{
    for (size_t i = 0; i < PATTERNS; i++)
        if (strcmp(patterns[i].name, name) == 0)
            return true;
    if (file_of(name, "trace:") || file_of(name, "ops:"))
        return true;
    const char *nearest = message_nearest(name, pattern_names);
    if (nearest)
        message("lab: no pattern '%s' (did you mean %s?)", name, nearest);
    else
        message("lab: no pattern '%s' (see cairn lab patterns)", name);
    return false;
}

/* Each block in use is replaced several times. */
static size_t usual_steps(const struct pattern_request *request)
{
    uint64_t blocks = request->live_in_bytes ? request->live * 2 / (request->from + request->to)
                                             : request->live;
    return blocks * STEPS_EACH > STEPS_LEAST ? (size_t)blocks * STEPS_EACH : STEPS_LEAST;
}

bool pattern_make(struct ops *ops, const struct pattern_request *request)
{
    const char *file = file_of(request->name, "ops:");

    *ops = (struct ops){0};
    if (file)
        return ops_read(ops, file);
    file = file_of(request->name, "trace:");
    if (file)
        return pattern_trace(ops, file, request->steps);
    if (strcmp(request->name, "robson") == 0)
        return pattern_robson(ops, request);
    if (!pattern_exists(request->name))
        return false;
    struct maker maker = {.ops = ops, .request = request, .random = {request->seed}};
    maker.steps = request->steps ? request->steps : usual_steps(request);
    for (size_t i = 0; i < PATTERNS; i++)
        if (strcmp(patterns[i].name, request->name) == 0)
            patterns[i].make(&maker);
    free(maker.live);
    return true;
}

void pattern_explain(FILE *to)
{
    for (size_t i = 0; i < PATTERNS; i++)
        fprintf(to, "%-12s %s\n", patterns[i].name, patterns[i].summary);
    fputs("trace:FILE   a recorded trace (cairn record), at most --steps calls of it\n"
          "ops:FILE     a list of calls: alloc I SIZE [ALIGN], resize I SIZE, free I\n",
          to);
}
