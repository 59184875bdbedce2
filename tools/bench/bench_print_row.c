/* SPDX-License-Identifier: MIT */
/*
 * One program of the suite as a table: see bench_print.h. Up to four figures of its own are columns
 * beside time and memory. Where there are more, as for latency, those that begin with the same word
 * make a table of their own, and what the word is followed by heads its columns.
 */
#define _GNU_SOURCE
#include "bench/bench_print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/own_figures.h"
#include "compare_text.h"
#include "own_memory.h"
#include "text.h"

enum { MOST_BESIDE = 4, FIXED_COLUMNS = 7 };

static bool has_instructions(const struct bench *bench, const struct bench_row *row)
{
    for (size_t e = 0; e < bench->entrants; e++)
        if (row->comparison.entrants[e].values[METRIC_INSTRUCTIONS].count > 0)
            return true;
    return false;
}

static size_t figures_beside(const struct bench_row *row)
{
    return row->figure_count <= MOST_BESIDE ? row->figure_count : 0;
}

static void add_head(struct table *table, const struct bench_row *row, bool instructions)
{
    const char *times = text_signs()->times;

    table_add(table, STYLE_HEAD, memory_copy("allocator"));
    table_add(table, STYLE_HEAD, memory_copy("wall"));
    table_add(table, STYLE_HEAD, memory_format("time %s", times));
    table_add(table, STYLE_HEAD, memory_copy("CPU"));
    table_add(table, STYLE_HEAD, memory_copy("peak RSS"));
    table_add(table, STYLE_HEAD, memory_format("RSS %s", times));
    table_add(table, STYLE_HEAD, memory_copy("faults"));
    if (instructions)
        table_add(table, STYLE_HEAD, memory_copy("instr."));
    for (size_t f = 0; f < figures_beside(row); f++)
        table_add(table, STYLE_HEAD, own_figure_name(row->figures[f].key));
}

static void add_empty(struct table *table, const struct entrant *entrant, size_t columns)
{
    table_add(table, STYLE_BAD, memory_copy(entrant->failed ? "failed" : "not run"));
    for (size_t i = 2; i < columns; i++)
        table_add(table, STYLE_PLAIN, memory_copy("-"));
}

static enum table_style style_of(const struct bench_row *row, const struct entrant *entrant,
                                 enum metric metric)
{
    return entrant == compare_least(&row->comparison, metric) ? STYLE_BEST : STYLE_PLAIN;
}

static void add_entrant(struct table *table, const struct bench_row *row, size_t index,
                        const struct compare_scale *scale, bool instructions)
{
    const struct entrant *entrant = &row->comparison.entrants[index];
    const struct interval *values = entrant->values;
    bool timed = bench_row_timed(row);
    char out[TEXT_SHORT];

    table_add(table, entrant->allocator->is_cairn ? STYLE_HEAD : STYLE_PLAIN,
              memory_copy(entrant->allocator->name));
    if (entrant->good == 0) {
        add_empty(table, entrant, table->columns);
        return;
    }
    table_add(table, STYLE_PLAIN, compare_time_text(scale, &values[METRIC_TIME]));
    table_add(table, timed ? style_of(row, entrant, METRIC_TIME) : STYLE_PLAIN,
              timed ? compare_ratio_text(&row->time_ratios[index], index == row->fastest)
                    : memory_copy(""));
    table_add(table, STYLE_PLAIN, memory_copy(text_seconds(out, values[METRIC_CPU].median)));
    table_add(table, STYLE_PLAIN, memory_copy(text_bytes(out, values[METRIC_RSS].median)));
    table_add(table, style_of(row, entrant, METRIC_RSS),
              compare_ratio_text(&row->memory_ratios[index], index == row->smallest));
    table_add(table, STYLE_PLAIN, memory_copy(text_count(out, values[METRIC_FAULTS].median)));
    if (instructions)
        table_add(table, STYLE_PLAIN,
                  values[METRIC_INSTRUCTIONS].count
                      ? memory_copy(text_count(out, values[METRIC_INSTRUCTIONS].median))
                      : memory_copy(""));
    for (size_t f = 0; f < figures_beside(row); f++) {
        const struct interval *figure = &row->figures[f].values[index];
        table_add(table, STYLE_PLAIN,
                  own_figure_text(row->figures[f].key, figure->count ? figure->median : NAN));
    }
}

/* Figures from `from` on that begin with the same word: the first one that does not. */
static size_t same_word(const struct bench_row *row, size_t from)
{
    size_t length = strcspn(row->figures[from].key, "_"), to = from + 1;

    while (to < row->figure_count &&
           strncmp(row->figures[to].key, row->figures[from].key, length + 1) == 0)
        to++;
    return to;
}

static void print_group(const struct bench *bench, const struct bench_row *row, size_t from,
                        size_t to, FILE *stream, bool color)
{
    size_t length = strcspn(row->figures[from].key, "_");
    struct table table;

    table_init(&table, 1 + to - from, color);
    table_add(&table, STYLE_HEAD, memory_format("%.*s", (int)length, row->figures[from].key));
    for (size_t f = from; f < to; f++) {
        const char *rest = row->figures[f].key + length;
        table_add(&table, STYLE_HEAD, own_figure_name(*rest ? rest + 1 : ""));
    }
    for (size_t e = 0; e < bench->entrants; e++) {
        table_add(&table, bench->allocators[e]->is_cairn ? STYLE_HEAD : STYLE_PLAIN,
                  memory_copy(bench->allocators[e]->name));
        for (size_t f = from; f < to; f++) {
            const struct interval *value = &row->figures[f].values[e];
            table_add(&table, STYLE_PLAIN,
                      own_figure_text(row->figures[f].key, value->count ? value->median : NAN));
        }
    }
    fputc('\n', stream);
    table_print(&table, stream);
    table_fini(&table);
}

void bench_print_row(const struct bench *bench, const struct bench_row *row, FILE *to, bool color)
{
    struct compare_scale scale = compare_scale(&row->comparison);
    bool instructions = has_instructions(bench, row);
    struct table table;
    double confidence;

    fprintf(to, "\n%s: %s; %u round%s\n", row->suite->name, row->suite->shows,
            row->comparison.rounds_done, row->comparison.rounds_done == 1 ? "" : "s");
    table_init(&table, FIXED_COLUMNS + instructions + figures_beside(row), color);
    add_head(&table, row, instructions);
    for (size_t e = 0; e < bench->entrants; e++)
        add_entrant(&table, row, e, &scale, instructions);
    table_print(&table, to);
    table_fini(&table);
    for (size_t f = figures_beside(row); f < row->figure_count;) {
        size_t end = same_word(row, f);
        print_group(bench, row, f, end, to, color);
        f = end;
    }
    statistics_rank(row->comparison.rounds_done, &confidence);
    if (row->comparison.rounds_done > 1)
        fprintf(
            to, "%s: %.0f %% confidence interval of the median; ~: no difference outside noise%s\n",
            text_signs()->plus_minus, confidence * 100,
            row->comparison.rounds_done < STATISTICS_FEWEST ? "; ?: too few rounds to tell" : "");
}
