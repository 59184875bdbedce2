/* SPDX-License-Identifier: MIT */
/*
 * The figures of an experiment: see metrics.h. What is free comes from the visit of the allocator,
 * block by block as it has them: two free neighbours that it has not merged are two holes, because
 * it could not serve one request from both. What is in use comes from the player, which knows every
 * block and the bytes that were asked for.
 */
#define _GNU_SOURCE
#include "lab/metrics.h"

#include <math.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

const struct metric_definition metric_definitions[METRICS] = {
    [METRIC_EXTERNAL] = {"external", "external fragmentation", "external", "ratio", "less",
                         "the part of the free memory that is not in the largest free block: "
                         "1 - largest free / all free"},
    [METRIC_INTERNAL] = {"internal", "internal fragmentation", "internal", "ratio", "less",
                         "the part of the blocks in use that nobody asked for: "
                         "1 - requested / granted"},
    [METRIC_UTILISATION] = {"utilisation", "utilisation", "utilised", "ratio", "more",
                            "the part of the memory held that the program asked for: "
                            "requested / held"},
    [METRIC_PROBE] = {"probe", "success rate of a large request", "large", "ratio", "more",
                      "the share of the moments looked at when a request of the probe's size would "
                      "have been met"},
    [METRIC_HOLES] = {"holes", "holes", "holes", "count", "less",
                      "the number of free blocks, as the allocator has them"},
    [METRIC_LARGEST_FREE] = {"largest", "largest free block", "largest", "bytes", "more",
                             "the bytes of the largest free block, which is the largest request "
                             "that could be met"},
    [METRIC_MEAN_FREE] = {"mean_free", "mean free size", "mean hole", "bytes", "more",
                          "the free bytes divided by the number of holes"},
    [METRIC_FREE] = {"free", "free memory", "free", "bytes", NULL,
                     "the bytes in free blocks, without the allocator's own records"},
    [METRIC_MEAN_BLOCK] = {"mean_block", "mean block size", "mean block", "bytes", NULL,
                           "the bytes asked for divided by the number of blocks in use"},
    [METRIC_BLOCKS] = {"blocks", "blocks in use", "blocks", "count", NULL,
                       "the number of blocks in use"},
    [METRIC_REQUESTED] = {"requested", "requested", "requested", "bytes", NULL,
                          "the bytes that were asked for, in the blocks in use"},
    [METRIC_GRANTED] = {"granted", "granted", "granted", "bytes", NULL,
                        "the bytes that the blocks in use have room for, without headers and tags"},
    [METRIC_HELD] = {"held", "held", "held", "bytes", "less",
                     "the bytes that the allocator has of its source, or of its region"},
    [METRIC_HIGH_WATER] = {"high_water", "region high-water", "highest", "bytes", "less",
                           "the bytes from the region's start to the end of the highest block that "
                           "there ever was"},
    [METRIC_FAILURES] = {"failures", "failed requests", "failed", "count", "less",
                         "the number of requests so far that were answered with NULL"},
};

static bool count_gap(void *context, void *ptr, size_t size, bool in_use)
{
    struct metrics_gaps *gaps = context;

    (void)ptr;
    if (in_use)
        return true;
    gaps->free += size;
    gaps->holes++;
    if (size > gaps->largest)
        gaps->largest = size;
    return true;
}

/* The pool's visit puts its free blocks in order; what is looked at must stay as it is. */
void metrics_visit(const struct subject *subject, cairn_visitor *visitor, void *context)
{
    struct saved saved = {.bytes = NULL};

    if (subject->choice.kind != SUBJECT_POOL) {
        subject_visit(subject, visitor, context);
        return;
    }
    saved_keep(&saved, subject);
    subject_visit(subject, visitor, context);
    saved_put_back(&saved, (struct subject *)(uintptr_t)subject);
    saved_fini(&saved);
}

void metrics_gaps_of(struct metrics_gaps *gaps, const struct subject *subject)
{
    *gaps = (struct metrics_gaps){0};
    metrics_visit(subject, count_gap, gaps);
}

static void take_free(double *values, const struct subject *subject)
{
    struct metrics_gaps gaps;

    metrics_gaps_of(&gaps, subject);
    values[METRIC_FREE] = (double)gaps.free;
    values[METRIC_HOLES] = (double)gaps.holes;
    values[METRIC_LARGEST_FREE] = (double)gaps.largest;
    values[METRIC_MEAN_FREE] = gaps.holes ? (double)gaps.free / (double)gaps.holes : NAN;
    values[METRIC_EXTERNAL] = gaps.free ? 1 - (double)gaps.largest / (double)gaps.free : 0;
}

void metrics_take(struct metrics *metrics, struct player *player, uint64_t probe)
{
    const struct player_figures *now = &player->now;
    double *values = metrics->values;
    size_t held = subject_held(player->subject);

    for (size_t i = 0; i < METRICS; i++)
        values[i] = NAN;
    if (subject_sees_free(player->subject))
        take_free(values, player->subject);
    values[METRIC_BLOCKS] = (double)now->blocks;
    values[METRIC_REQUESTED] = (double)now->requested;
    values[METRIC_GRANTED] = (double)now->granted;
    values[METRIC_FAILURES] = (double)now->failures;
    if (now->blocks)
        values[METRIC_MEAN_BLOCK] = (double)now->requested / (double)now->blocks;
    if (now->granted)
        values[METRIC_INTERNAL] = 1 - (double)now->requested / (double)now->granted;
    if (held != SIZE_MAX) {
        values[METRIC_HELD] = (double)held;
        if (held)
            values[METRIC_UTILISATION] = (double)now->requested / (double)held;
    }
    if (subject_has_region(player->subject))
        values[METRIC_HIGH_WATER] = (double)now->high_water;
    if (probe && subject_is_bounded(player->subject) && subject_can_be_saved(player->subject))
        values[METRIC_PROBE] = player_would_get(player, probe);
}

static bool is_share(enum metric metric)
{
    return strcmp(metric_definitions[metric].unit, "ratio") == 0;
}

const char *metrics_unit(enum metric metric)
{
    return is_share(metric) ? "percent" : metric_definitions[metric].unit;
}

double metrics_shown(enum metric metric, double value)
{
    return is_share(metric) ? 100 * value : value;
}

char *metrics_text(enum metric metric, double value)
{
    char text[TEXT_SHORT];

    if (!isfinite(value))
        return memory_copy("");
    if (is_share(metric))
        return memory_format("%.1f %%", 100 * value);
    if (strcmp(metric_definitions[metric].unit, "bytes") == 0)
        return memory_copy(text_bytes(text, value));
    if (value != floor(value))
        return memory_format("%.1f", value);
    return memory_copy(text_count(text, value));
}

void metrics_explain(FILE *to)
{
    for (size_t i = 0; i < METRICS; i++)
        fprintf(to, "%-12s %s:\n             %s.\n", metric_definitions[i].name,
                metric_definitions[i].title, metric_definitions[i].definition);
}
