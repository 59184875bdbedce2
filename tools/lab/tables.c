/* SPDX-License-Identifier: MIT */
/* What experiments have shown, as tables for people. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "own_memory.h"
#include "table.h"
#include "text.h"

char *lab_plan_text(const struct experiment_plan *plan)
{
    char calls[TEXT_SHORT], blocks[TEXT_SHORT], live[TEXT_SHORT], region[TEXT_SHORT],
        probe[TEXT_SHORT];
    const struct pattern_request *pattern = &plan->pattern;
    bool is_file = strchr(pattern->name, ':') != NULL;

    text_count(calls, (double)plan->ops.count);
    text_count(blocks, (double)plan->ops.peak_blocks);
    text_bytes(live, (double)plan->ops.peak_bytes);
    text_bytes(region, (double)plan->region);
    text_bytes(probe, (double)plan->probe);
    char *seed = is_file ? memory_copy("")
                         : memory_format("seed %llu; ", (unsigned long long)pattern->seed);
    char *text = memory_format("%s: %s calls; at most %s blocks, %s of them; %s%s%s; a large "
                               "request is %s",
                               pattern->name, calls, blocks, live, seed,
                               plan->region ? "a region of " : "regions as needed",
                               plan->region ? region : "", probe);
    free(seed);
    return text;
}

/* The order in which columns are given up when there is no room: the last first. */
static const enum metric columns_usual[] = {
    METRIC_EXTERNAL, METRIC_INTERNAL,     METRIC_PROBE,       METRIC_HOLES,     METRIC_HIGH_WATER,
    METRIC_FAILURES, METRIC_LARGEST_FREE, METRIC_UTILISATION, METRIC_MEAN_FREE, METRIC_MEAN_BLOCK,
};
enum { USUAL = sizeof columns_usual / sizeof *columns_usual, NAME_WIDTH = 24 };

/* What values of the unit take, as a rule. */
static size_t width_of(enum metric metric)
{
    const struct metric_definition *definition = &metric_definitions[metric];
    size_t head = strlen(definition->column);
    size_t value = strcmp(definition->unit, "bytes") == 0   ? strlen("1023 KiB")
                   : strcmp(definition->unit, "ratio") == 0 ? strlen("100.0 %")
                                                            : strlen("1263.9");
    return head > value ? head : value;
}

void lab_columns(bool shown[METRICS], const struct lab_options *options, size_t width)
{
    size_t taken = NAME_WIDTH;

    if (options->chose_metrics) {
        memcpy(shown, options->metrics, METRICS * sizeof *shown);
        return;
    }
    for (size_t i = 0; i < USUAL; i++) {
        taken += width_of(columns_usual[i]) + 2;
        shown[columns_usual[i]] = taken <= width;
    }
}

/* Then the mean says nothing. */
static bool only_grows(enum metric metric)
{
    return metric == METRIC_FAILURES || metric == METRIC_HIGH_WATER;
}

static double value_of(const struct experiment *experiment, enum metric metric, enum lab_at at)
{
    if (metric == METRIC_PROBE || (at == LAB_MEAN && !only_grows(metric)))
        return experiment->mean.values[metric];
    if (at == LAB_WORST)
        return experiment->worst.values[metric];
    return experiment_end(experiment)->values[metric];
}

double lab_mean(const struct experiment *experiment, enum metric metric)
{
    return value_of(experiment, metric, LAB_MEAN);
}

static bool is_best(const struct experiment *experiments, size_t count, size_t which,
                    enum metric metric, enum lab_at at)
{
    const char *better = metric_definitions[metric].better;
    double own = value_of(&experiments[which], metric, at);

    if (!better || !isfinite(own) || count < 2)
        return false;
    for (size_t i = 0; i < count; i++) {
        double other = value_of(&experiments[i], metric, at);
        if (isfinite(other) && (strcmp(better, "less") == 0 ? other < own : other > own))
            return false;
    }
    return true;
}

char *lab_at_text(enum lab_at at)
{
    static const char *const texts[] = {
        [LAB_MEAN] = "means over the run; highest and failed: at the end",
        [LAB_END] = "at the end; large: over the run",
        [LAB_WORST] = "each at its worst; large: over the run"};

    return memory_copy(texts[at]);
}

void lab_table_head(struct table *table, const bool shown[METRICS])
{
    for (size_t i = 0; i < METRICS; i++)
        if (shown[i])
            table_add(table, STYLE_HEAD, memory_copy(metric_definitions[i].column));
}

void lab_table_row(struct table *table, const struct experiment *experiments, size_t count,
                   size_t which, const bool shown[METRICS], enum lab_at at)
{
    for (size_t i = 0; i < METRICS; i++) {
        enum metric metric = (enum metric)i;
        bool best = shown[i] && is_best(experiments, count, which, metric, at);
        if (shown[i])
            table_add(table, best ? STYLE_BEST : STYLE_PLAIN,
                      metrics_text(metric, value_of(&experiments[which], metric, at)));
    }
}

void lab_table_several(const struct experiment *experiments, size_t count,
                       const struct lab_options *options, FILE *to, bool color, size_t columns)
{
    bool shown[METRICS] = {false};
    struct table table;
    size_t width = 1;

    lab_columns(shown, options, columns);
    for (size_t i = 0; i < METRICS; i++)
        width += shown[i];
    table_init(&table, width, color);
    table_add(&table, STYLE_HEAD, memory_copy("allocator"));
    lab_table_head(&table, shown);
    for (size_t i = 0; i < count; i++) {
        table_add(&table, STYLE_PLAIN, memory_copy(experiments[i].name));
        lab_table_row(&table, experiments, count, i, shown, options->at);
    }
    table_print(&table, to);
    table_fini(&table);
}

void lab_table_one(const struct experiment *experiment, FILE *to, bool color)
{
    static const char *const heads[] = {"", "mean", "at the end", "worst", "at call"};
    const struct metrics *end = experiment_end(experiment);
    struct table table;

    table_init(&table, sizeof heads / sizeof *heads, color);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_add(&table, STYLE_HEAD, memory_copy(heads[i]));
    for (size_t i = 0; i < METRICS; i++) {
        enum metric metric = (enum metric)i;
        double worst = experiment->worst.values[i];
        char at[TEXT_SHORT] = "";
        bool is_share = metric == METRIC_PROBE;
        if (isfinite(worst))
            text_count(at, (double)experiment->worst_at[i]);
        table_add(&table, STYLE_PLAIN, memory_copy(metric_definitions[i].title));
        table_add(&table, STYLE_PLAIN,
                  metrics_text(metric, only_grows(metric) ? NAN : experiment->mean.values[i]));
        table_add(&table, STYLE_PLAIN, metrics_text(metric, is_share ? NAN : end->values[i]));
        table_add(&table, STYLE_PLAIN, metrics_text(metric, is_share ? NAN : worst));
        table_add(&table, STYLE_FAINT, memory_copy(is_share ? "" : at));
    }
    table_print(&table, to);
    table_fini(&table);
}
