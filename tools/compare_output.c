/* SPDX-License-Identifier: MIT */
/* A comparison as a table for people: see compare.h. */
#define _GNU_SOURCE
#include "compare.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare_text.h"
#include "output.h"
#include "own_memory.h"
#include "table.h"
#include "text.h"

enum { COLUMNS = 7, WIDEST = 100 };

static enum table_style ratio_style(const struct comparison *comparison,
                                    const struct entrant *entrant, enum metric metric)
{
    if (entrant == compare_least(comparison, metric))
        return STYLE_BEST;
    return statistics_side(&entrant->ratios[metric], 1) == SIDE_NOISE ? STYLE_FAINT : STYLE_PLAIN;
}

static void add_head(struct table *table)
{
    static const char *const titles[] = {"allocator", "wall", "CPU", "peak RSS", "faults"};
    const char *times = text_signs()->times;

    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        table_add(table, STYLE_HEAD, memory_copy(titles[i]));
    table_add(table, STYLE_HEAD, memory_format("time %s", times));
    table_add(table, STYLE_HEAD, memory_format("RSS %s", times));
}

static void add_row(struct table *table, const struct comparison *comparison,
                    const struct entrant *entrant, const struct compare_scale *scale)
{
    bool is_baseline = entrant == &comparison->entrants[comparison->baseline];
    const struct interval *values = entrant->values;
    char out[TEXT_SHORT];

    table_add(table, entrant->allocator->is_cairn ? STYLE_HEAD : STYLE_PLAIN,
              memory_copy(entrant->allocator->name));
    if (entrant->good == 0) {
        table_add(table, STYLE_BAD, memory_copy(entrant->failed ? "failed" : "not run"));
        for (size_t i = 2; i < COLUMNS; i++)
            table_add(table, STYLE_PLAIN, memory_copy("-"));
        return;
    }
    table_add(table, STYLE_PLAIN, compare_time_text(scale, &values[METRIC_TIME]));
    table_add(table, STYLE_PLAIN, memory_copy(text_seconds(out, values[METRIC_CPU].median)));
    table_add(table, STYLE_PLAIN, memory_copy(text_bytes(out, values[METRIC_RSS].median)));
    table_add(table, STYLE_PLAIN, memory_copy(text_count(out, values[METRIC_FAULTS].median)));
    table_add(table, ratio_style(comparison, entrant, METRIC_TIME),
              compare_ratio_text(&entrant->ratios[METRIC_TIME], is_baseline));
    table_add(table, ratio_style(comparison, entrant, METRIC_RSS),
              compare_ratio_text(&entrant->ratios[METRIC_RSS], is_baseline));
}

/* The fastest first; who has no figures comes last. */
static int by_time(const void *a, const void *b)
{
    const struct entrant *left = *(const struct entrant *const *)a;
    const struct entrant *right = *(const struct entrant *const *)b;
    double left_time = left->values[METRIC_TIME].median;
    double right_time = right->values[METRIC_TIME].median;

    if ((left->good == 0) != (right->good == 0))
        return left->good == 0 ? 1 : -1;
    return (left_time > right_time) - (left_time < right_time);
}

static void print_table(const struct comparison *comparison, FILE *to, bool color)
{
    const struct entrant **sorted = memory_take(comparison->count, sizeof *sorted);
    struct compare_scale scale = compare_scale(comparison);
    struct table table;

    for (size_t i = 0; i < comparison->count; i++)
        sorted[i] = &comparison->entrants[i];
    qsort(sorted, comparison->count, sizeof *sorted, by_time);
    table_init(&table, COLUMNS, color);
    add_head(&table);
    for (size_t i = 0; i < comparison->count; i++)
        add_row(&table, comparison, sorted[i], &scale);
    table_print(&table, to);
    table_fini(&table);
    free(sorted);
}

static void print_head(const struct comparison *comparison, FILE *to)
{
    size_t columns = output_columns(fileno(to));
    char *command = text_command(comparison->argv, columns < WIDEST ? columns : WIDEST);
    const char *baseline = comparison->entrants[comparison->baseline].allocator->name;
    char signal[TEXT_SHORT];

    fprintf(to, "%s\n", command);
    free(command);
    if (comparison->interrupted)
        fprintf(to, "interrupted by %s after %u of %u rounds; ratios to %s\n\n",
                text_signal(signal, comparison->interrupted), comparison->rounds_done,
                comparison->rounds, baseline);
    else
        fprintf(to, "%u round%s after %u to warm up, each in an order of its own; ratios to %s\n\n",
                comparison->rounds, comparison->rounds == 1 ? "" : "s", comparison->warm_ups,
                baseline);
}

static void note(FILE *to, bool color, enum table_style style, char *text)
{
    table_styled(to, color, style, text);
    fputc('\n', to);
    free(text);
}

static char *failure_text(const struct comparison *comparison, const struct entrant *entrant)
{
    const struct figures *first = entrant->first_failure;
    char signal[TEXT_SHORT];
    char *how = first->signal ? memory_copy(text_signal(signal, first->signal))
                              : memory_format("exit code %d", first->exit_code);
    char *text = memory_format("%s: %zu of %u runs failed (%s)%s%s%s", entrant->allocator->name,
                               entrant->failed, comparison->warm_ups + comparison->rounds, how,
                               entrant->good ? "; their figures are left out" : "",
                               entrant->failure_note ? "; " : "",
                               entrant->failure_note ? entrant->failure_note : "");
    free(how);
    return text;
}

/* What the figures alone do not tell. */
static void print_notes(const struct comparison *comparison, FILE *to, bool color)
{
    const struct entrant *baseline = &comparison->entrants[comparison->baseline];

    for (size_t i = 0; i < comparison->count; i++) {
        const struct entrant *entrant = &comparison->entrants[i];
        if (entrant->differing)
            note(to, color, STYLE_BAD,
                 memory_format("%s: output differs from %s's in %zu run%s",
                               entrant->allocator->name, baseline->allocator->name,
                               entrant->differing, entrant->differing == 1 ? "" : "s"));
        if (entrant->failed)
            note(to, color, STYLE_BAD, failure_text(comparison, entrant));
    }
    if (comparison->output_varies)
        note(to, color, STYLE_PLAIN,
             memory_format(
                 "the program's output changes from run to run, also under %s: not compared",
                 baseline->allocator->name));
    for (size_t i = 0; i < comparison->all->count; i++)
        if (comparison->all->items[i].why_not)
            note(to, color, STYLE_PLAIN,
                 memory_format("%s left out: it is %s", comparison->all->items[i].name,
                               comparison->all->items[i].why_not));
    if (comparison->program->brings_malloc)
        note(to, color, STYLE_BAD,
             memory_format("%s exports a malloc of its own: none of these may be in use in it",
                           comparison->argv[0]));
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors > 0 && comparison->load > 0.75 * (double)processors)
        note(
            to, color, STYLE_PLAIN,
            memory_format(
                "the machine was busy before (load %.1f on %ld processors): times spread, CPU less",
                comparison->load, processors));
}

static void print_legend(const struct comparison *comparison, FILE *to, bool color)
{
    const struct entrant *fastest = compare_least(comparison, METRIC_TIME);
    size_t count = fastest ? fastest->values[METRIC_TIME].count : 0;
    double confidence;

    statistics_rank(count, &confidence);
    if (count < 2)
        return;
    char *range = memory_format("%s: %.*f %% confidence interval of the median; ",
                                text_signs()->plus_minus, confidence < 0.95 ? 1 : 0,
                                confidence < 0.95 ? confidence * 100 : 95);
    const char *meaning = count < 3 ? "?: too few rounds to tell from noise"
                                    : "~: no difference outside noise";
    note(to, color, STYLE_FAINT, memory_format("%s%s", range, meaning));
    free(range);
}

static bool has_noise(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++)
        if (i != comparison->baseline && comparison->entrants[i].good > 0 &&
            statistics_side(&comparison->entrants[i].ratios[METRIC_TIME], 1) < SIDE_BELOW)
            return true;
    return false;
}

void compare_print(const struct comparison *comparison, FILE *to, bool color)
{
    size_t columns = output_columns(fileno(to));
    char *verdict = compare_verdict(comparison);

    print_head(comparison, to);
    print_table(comparison, to, color);
    fputc('\n', to);
    print_legend(comparison, to, color);
    print_notes(comparison, to, color);
    compare_print_wrapped(verdict, to, columns < WIDEST ? columns : WIDEST);
    if (has_noise(comparison) && !comparison->interrupted)
        fprintf(to, "next: cairn %s\n", comparison->again);
    free(verdict);
}
