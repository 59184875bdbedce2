/* SPDX-License-Identifier: MIT */
/*
 * The suite as a record: see bench.h. The CSV has a line for each run, the command on its first line
 * and the machine on its second. The JSON document has `programs` with all intervals for programs to
 * read, and `sections` (page/document.h) for people to look at.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "bench/own_figures.h"
#include "csv.h"
#include "json.h"
#include "own_memory.h"
#include "page/document.h"
#include "statistics_json.h"
#include "text.h"

enum { SCHEMA_VERSION = 1 };

/*
 * --- CSV -----------------------------------------------------------------------------------------
 */

static void put_run(const struct bench_row *row, const struct entrant *entrant, unsigned round,
                    FILE *to)
{
    const struct figures *figures = &entrant->runs[round];
    unsigned warm_ups = row->comparison.warm_ups;
    bool warm_up = round < warm_ups;

    csv_field(to, row->suite->name);
    fprintf(to, ",%s,", suite_kinds[row->suite->kind]);
    csv_field(to, entrant->allocator->name);
    fprintf(to, ",%d,%u,%u,%d,%d,%d", warm_up, warm_up ? round + 1 : round - warm_ups + 1,
            figures->position + 1, figures->good, figures->exit_code, figures->signal);
    fprintf(to, ",%.6f,%.6f,%.6f", figures->wall, figures->user, figures->system);
    fprintf(to, ",%lld,%lld,%lld,", figures->peak_rss, figures->minor_faults,
            figures->major_faults);
    if (figures->instructions >= 0)
        fprintf(to, "%lld", figures->instructions);
    fputc(',', to);
    csv_field(to, figures->said);
    fputc('\n', to);
}

void bench_print_csv(const struct bench *bench, FILE *to)
{
    compare_print_origin(bench->invocation, bench->load, bench->options->seed, to);
    fputs("program,kind,allocator,warm_up,round,position,good,exit_code,signal,wall_seconds,"
          "user_seconds,system_seconds,peak_rss_bytes,minor_faults,major_faults,instructions,"
          "figures\n",
          to);
    for (size_t i = 0; i < bench->count; i++) {
        const struct comparison *comparison = &bench->rows[i].comparison;
        for (unsigned r = 0; r < comparison->warm_ups + comparison->rounds; r++)
            for (size_t e = 0; e < comparison->count; e++)
                if (comparison->entrants[e].runs[r].done)
                    put_run(&bench->rows[i], &comparison->entrants[e], r, to);
    }
}

/*
 * --- JSON: programs ------------------------------------------------------------------------------
 */

static json_t *entrant_json(const struct bench_row *row, size_t index)
{
    static const char *const keys[METRICS] = {
        [METRIC_TIME] = "wall_seconds",         [METRIC_CPU] = "cpu_seconds",
        [METRIC_RSS] = "peak_rss_bytes",        [METRIC_FAULTS] = "faults",
        [METRIC_INSTRUCTIONS] = "instructions",
    };
    const struct entrant *entrant = &row->comparison.entrants[index];
    json_t *object = json_object(), *figures = json_object();

    json_put(object, "name", json_from_text(entrant->allocator->name));
    json_put(object, "runs", json_integer((json_int_t)entrant->good));
    json_put(object, "failed_runs", json_integer((json_int_t)entrant->failed));
    json_put(object, "failure_note", json_from_text(entrant->failure_note));
    for (size_t m = 0; m < METRICS; m++)
        json_put(object, keys[m], json_from_interval(&entrant->values[m]));
    json_put(object, "time_ratio",
             bench_row_timed(row) ? json_from_interval(&row->time_ratios[index]) : json_null());
    json_put(object, "memory_ratio", json_from_interval(&row->memory_ratios[index]));
    for (size_t f = 0; f < row->figure_count; f++)
        json_put(figures, row->figures[f].key, json_from_interval(&row->figures[f].values[index]));
    json_put(object, "figures", figures);
    return object;
}

static json_t *row_json(const struct bench *bench, const struct bench_row *row)
{
    static const char *const states[] = {
        [BENCH_WAITING] = "not run",
        [BENCH_SKIPPED] = "skipped",
        [BENCH_FAILED] = "failed",
        [BENCH_MEASURED] = "measured",
    };
    json_t *object = json_object(), *entrants = json_array();

    json_put(object, "name", json_from_text(row->suite->name));
    json_put(object, "kind", json_from_text(suite_kinds[row->suite->kind]));
    json_put(object, "shows", json_from_text(row->suite->shows));
    json_put(object, "threads", json_from_text(row->suite->threads));
    json_put(object, "state", json_from_text(states[row->state]));
    json_put(object, "reason", json_from_text(row->reason));
    json_put(object, "command", row->argv ? json_from_argv(row->argv) : json_null());
    json_put(object, "rounds", json_integer(row->comparison.rounds_done));
    for (size_t i = 0; row->state == BENCH_MEASURED && i < bench->entrants; i++)
        json_append(entrants, entrant_json(row, i));
    json_put(object, "allocators", entrants);
    return object;
}

/*
 * --- JSON: sections ------------------------------------------------------------------------------
 */

static void put_means(const struct bench *bench, json_t *document)
{
    json_t *table = document_table(document, "Means over all programs");

    document_column(table, "allocator", "", NULL);
    document_column(table, "time", "ratio", "less");
    document_column(table, "peak memory", "ratio", "less");
    document_column(table, "programs", "count", NULL);
    for (size_t i = 0; i < bench->entrants; i++) {
        struct bench_mean mean = bench_mean(bench, i);
        json_t *cells = json_array();
        json_append(cells, json_from_text(bench->allocators[i]->name));
        json_append(cells, json_from_real(mean.time_rows ? mean.time : NAN));
        json_append(cells, json_from_real(mean.memory_rows ? mean.memory : NAN));
        json_append(cells, json_integer((json_int_t)mean.memory_rows));
        document_row(table, cells);
    }
    document_note(table, "Geometric means of the ratios to the virtual best: for each program the "
                         "fastest, and separately the smallest, of the peers.");
}

static void put_choice(const struct bench *bench, json_t *document)
{
    json_t *table = document_table(document, "By which people choose");

    document_column(table, "allocator", "", NULL);
    for (size_t c = 0; c < suite_choice_count; c++) {
        const struct suite_choice *choice = &suite_choices[c];
        double factor = 1;
        const char *unit = choice->divisor   ? "ratio"
                           : !choice->figure ? "bytes"
                                             : own_figure_unit(choice->figure, &factor);
        const char *better = choice->figure ? own_figure_better(choice->figure) : "less";
        document_column(table, choice->title, unit, better);
    }
    for (size_t i = 0; i < bench->entrants; i++) {
        json_t *cells = json_array();
        json_append(cells, json_from_text(bench->allocators[i]->name));
        for (size_t c = 0; c < suite_choice_count; c++)
            json_append(cells, json_from_real(bench_choice(bench, &suite_choices[c], i)));
        document_row(table, cells);
    }
    document_note(table,
                  "small objects: time of a malloc and a free; large objects: the same for "
                  "128 KiB to 1.1 MiB; scaling: the work of all processors in terms of one; "
                  "fragmentation: resident bytes for each live byte after a fall; footprint: "
                  "peak memory of a program that does nothing.");
}

/* Ratios of one kind, a group of bars for each program. */
static void put_bars(const struct bench *bench, json_t *document, bool of_time)
{
    const char **names = memory_take(bench->count, sizeof *names);
    double *values = memory_take(bench->count * 3, sizeof *values);
    size_t count = 0;

    for (size_t i = 0; i < bench->count; i++)
        if (bench->rows[i].state == BENCH_MEASURED &&
            (!of_time || bench_row_timed(&bench->rows[i])))
            names[count++] = bench->rows[i].suite->name;
    json_t *bars = document_bars(
        document, of_time ? "Time against the fastest peer" : "Memory against the smallest peer",
        of_time ? "time" : "peak memory", "ratio", names, count);
    double *low = values + bench->count, *high = low + bench->count;
    for (size_t e = 0; e < bench->entrants; e++) {
        size_t at = 0;
        for (size_t i = 0; i < bench->count; i++) {
            const struct bench_row *row = &bench->rows[i];
            if (row->state != BENCH_MEASURED || (of_time && !bench_row_timed(row)))
                continue;
            const struct interval *ratio = of_time ? &row->time_ratios[e] : &row->memory_ratios[e];
            values[at] = ratio->count ? ratio->median : NAN;
            low[at] = ratio->count ? ratio->low : NAN;
            high[at++] = ratio->count ? ratio->high : NAN;
        }
        document_bar(bars, bench->allocators[e]->name, values, low, high, count);
    }
    free(values);
    free(names);
}

static json_t *median_json(const struct interval *interval)
{
    return interval->count ? json_from_real(interval->median) : json_null();
}

static void put_row(const struct bench *bench, const struct bench_row *row, json_t *document)
{
    char *title = memory_format("%s: %s", row->suite->name, row->suite->shows);
    json_t *table = document_table(document, title);
    double factor;

    document_column(table, "allocator", "", NULL);
    document_column(table, "time", "seconds", bench_row_timed(row) ? "less" : NULL);
    document_column(table, "time, of the fastest peer's", "ratio", "less");
    document_column(table, "CPU", "seconds", "less");
    document_column(table, "peak memory", "bytes", "less");
    document_column(table, "memory, of the smallest peer's", "ratio", "less");
    document_column(table, "faults", "count", "less");
    document_column(table, "instructions", "count", "less");
    for (size_t f = 0; f < row->figure_count; f++) {
        char *name = own_figure_name(row->figures[f].key);
        document_column(table, name, own_figure_unit(row->figures[f].key, &factor),
                        own_figure_better(row->figures[f].key));
        free(name);
    }
    for (size_t i = 0; i < bench->entrants; i++) {
        const struct entrant *entrant = &row->comparison.entrants[i];
        json_t *cells = json_array();
        json_append(cells, json_from_text(entrant->allocator->name));
        json_append(cells, median_json(&entrant->values[METRIC_TIME]));
        json_append(cells, bench_row_timed(row) ? median_json(&row->time_ratios[i]) : json_null());
        json_append(cells, median_json(&entrant->values[METRIC_CPU]));
        json_append(cells, median_json(&entrant->values[METRIC_RSS]));
        json_append(cells, median_json(&row->memory_ratios[i]));
        json_append(cells, median_json(&entrant->values[METRIC_FAULTS]));
        json_append(cells, median_json(&entrant->values[METRIC_INSTRUCTIONS]));
        for (size_t f = 0; f < row->figure_count; f++) {
            const struct interval *value = &row->figures[f].values[i];
            own_figure_unit(row->figures[f].key, &factor);
            json_append(cells, value->count ? json_from_real(value->median * factor) : json_null());
        }
        document_row(table, cells);
    }
    free(title);
}

void bench_print_json(const struct bench *bench, FILE *to)
{
    json_t *document = document_new("cairn.bench", SCHEMA_VERSION, "Allocators compared",
                                    bench->argv);
    json_t *programs = json_array(), *peers = json_array();
    char signal[TEXT_SHORT];

    json_array_insert_new(json_object_get(document, "command"), 0, json_from_text("cairn"));
    json_put(document, "invocation", json_from_text(bench->invocation));
    json_put(document, "seconds", json_from_real(bench->seconds));
    json_put(document, "load_before", json_from_real(bench->load));
    json_put(document, "interrupted",
             json_from_text(bench->interrupted ? text_signal(signal, bench->interrupted) : NULL));
    for (size_t i = 0; i < bench->entrants; i++)
        if (bench->peers[i])
            json_append(peers, json_from_text(bench->allocators[i]->name));
    json_put(document, "peers", peers);
    for (size_t i = 0; i < bench->count; i++)
        json_append(programs, row_json(bench, &bench->rows[i]));
    json_put(document, "programs", programs);
    put_means(bench, document);
    put_choice(bench, document);
    put_bars(bench, document, true);
    put_bars(bench, document, false);
    for (size_t i = 0; i < bench->count; i++)
        if (bench->rows[i].state == BENCH_MEASURED)
            put_row(bench, &bench->rows[i], document);
    json_finish(document, to);
}
