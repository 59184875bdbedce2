/* SPDX-License-Identifier: MIT */
/*
 * What a sweep has shown: a line for each combination, and for each value of each dimension the mean
 * over all combinations that have it.
 */
#define _GNU_SOURCE
#include "lab/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "own_memory.h"
#include "page/document.h"
#include "table.h"

enum { VERSION = 1 };

static bool is_told_by_name(enum sweep_kind kind)
{
    return kind == SWEEP_FIT || kind == SWEEP_COALESCE || kind == SWEEP_ALLOCATOR;
}

/* Columns that a sweep's line begins with: the values, but for those that the name has. */
static size_t leading(const struct sweep *sweep, size_t list[SWEEP_KINDS])
{
    size_t count = 0;

    for (size_t i = 0; i < sweep->dimension_count; i++)
        if (!is_told_by_name(sweep->dimensions[i].kind))
            list[count++] = i;
    return count;
}

static size_t width_of(const struct sweep_dimension *dimension)
{
    size_t width = strlen(dimension->name);

    for (size_t i = 0; i < dimension->count; i++)
        if (strlen(dimension->values[i]) > width)
            width = strlen(dimension->values[i]);
    return width + 2;
}

void sweep_print(const struct sweep *sweep, FILE *to)
{
    bool shown[METRICS] = {false}, color = output_wants_color(sweep->options->color, fileno(to));
    size_t list[SWEEP_KINDS], count = leading(sweep, list), columns = count + 1, taken = 0;
    size_t choices = sweep->options->count;
    struct table table;

    for (size_t i = 0; i < count; i++)
        taken += width_of(&sweep->dimensions[list[i]]);
    size_t width = output_columns(fileno(to));
    lab_columns(shown, sweep->options, taken < width ? width - taken : 0);
    for (size_t i = 0; i < METRICS; i++)
        columns += shown[i];
    table_init(&table, columns, color);
    table_add(&table, STYLE_HEAD, memory_copy("allocator"));
    for (size_t i = 0; i < count; i++)
        table_add(&table, STYLE_HEAD, memory_copy(sweep->dimensions[list[i]].name));
    lab_table_head(&table, shown);
    for (size_t i = 0; i < sweep->cells * choices; i++) {
        table_add(&table, STYLE_PLAIN, memory_copy(sweep->experiments[i].name));
        for (size_t j = 0; j < count; j++)
            table_add(&table, STYLE_PLAIN, memory_copy(sweep_value(sweep, i / choices, list[j])));
        lab_table_row(&table, sweep->experiments, sweep->cells * choices, i, shown,
                      sweep->options->at);
    }
    char *at = lab_at_text(sweep->options->at);
    fprintf(to, "%zu combinations; %s\n\n", sweep->cells * choices, at);
    free(at);
    table_print(&table, to);
    fputs("\nnext: the same with --json -o FILE; cairn lab run --watch to see one of them\n", to);
    table_fini(&table);
}

/* ---- as a document ---- */

static void add_table(json_t *document, const struct sweep *sweep)
{
    size_t choices = sweep->options->count;
    json_t *table = document_table(document, "All combinations, means over each run");

    for (size_t i = 0; i < sweep->dimension_count; i++)
        document_column(table, sweep->dimensions[i].name, "", NULL);
    document_column(table, "allocator", "", NULL);
    for (size_t i = 0; i < METRICS; i++)
        document_column(table, metric_definitions[i].title, metrics_unit((enum metric)i),
                        metric_definitions[i].better);
    for (size_t i = 0; i < sweep->cells * choices; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < sweep->dimension_count; j++)
            json_append(row, json_from_text(sweep_value(sweep, i / choices, j)));
        json_append(row, json_from_text(sweep->experiments[i].name));
        for (size_t j = 0; j < METRICS; j++)
            json_append(row,
                        json_from_real(metrics_shown(
                            (enum metric)j, lab_mean(&sweep->experiments[i], (enum metric)j))));
        document_row(table, row);
    }
}

/* The mean over all combinations whose value in the dimension is this one. */
static double mean_of(const struct sweep *sweep, size_t dimension, const char *value,
                      enum metric metric)
{
    size_t choices = sweep->options->count, known = 0;
    double sum = 0;

    for (size_t i = 0; i < sweep->cells * choices; i++) {
        double own = lab_mean(&sweep->experiments[i], metric);
        if (isfinite(own) && strcmp(sweep_value(sweep, i / choices, dimension), value) == 0) {
            sum += own;
            known++;
        }
    }
    return known ? sum / (double)known : NAN;
}

static void add_bars(json_t *document, const struct sweep *sweep, size_t which)
{
    static const enum metric shares[] = {METRIC_EXTERNAL, METRIC_INTERNAL, METRIC_UTILISATION,
                                         METRIC_PROBE};
    const struct sweep_dimension *dimension = &sweep->dimensions[which];
    char *title = memory_format("By %s, means over all else", dimension->name);
    double *values = memory_take(dimension->count, sizeof *values);
    json_t *bars = document_bars(document, title, "share", "percent",
                                 (const char *const *)dimension->values, dimension->count);

    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        for (size_t j = 0; j < dimension->count; j++)
            values[j] = metrics_shown(shares[i],
                                      mean_of(sweep, which, dimension->values[j], shares[i]));
        document_bar(bars, metric_definitions[shares[i]].title, values, NULL, NULL,
                     dimension->count);
    }
    free(values);
    free(title);
}

json_t *sweep_document(const struct sweep *sweep, char *const *command)
{
    json_t *document = document_new("cairn.lab", VERSION, "Fragmentation laboratory: a sweep",
                                    command);

    add_table(document, sweep);
    for (size_t i = 0; i < sweep->dimension_count; i++)
        add_bars(document, sweep, i);
    return document;
}
