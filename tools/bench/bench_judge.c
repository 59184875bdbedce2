/* SPDX-License-Identifier: MIT */
/*
 * What the comparisons of the suite amount to: see bench.h. Ratios are medians of pairs of runs from
 * the same round, as in `cairn compare`, to the peer whose own median is the least: for time the
 * fastest, for memory the smallest, which may be another one.
 */
#include "bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/means.h"
#include "bench/own_figures.h"
#include "own_memory.h"

bool bench_row_timed(const struct bench_row *row)
{
    return !(row->suite->flags & SUITE_TIMELESS);
}

/* The peer with the least median. */
static size_t least_peer(const struct bench *bench, const struct bench_row *row, enum metric metric)
{
    double *medians = memory_take(bench->entrants, sizeof *medians);

    for (size_t i = 0; i < bench->entrants; i++)
        medians[i] = row->comparison.entrants[i].values[metric].median;
    size_t least = means_least(medians, bench->peers, bench->entrants);
    free(medians);
    return least;
}

static struct interval *ratios_to(const struct bench *bench, const struct bench_row *row,
                                  size_t best, enum metric metric)
{
    const struct comparison *comparison = &row->comparison;
    struct interval *ratios = memory_take(bench->entrants, sizeof *ratios);

    for (size_t i = 0; i < bench->entrants && best < bench->entrants; i++)
        ratios[i] = compare_ratio(comparison, &comparison->entrants[i], &comparison->entrants[best],
                                  metric);
    return ratios;
}

/*
 * --- the programs' own figures --------------------------------------------------------------------
 */

static struct interval figure_values(const struct comparison *comparison,
                                     const struct entrant *entrant, const char *key)
{
    double *values = memory_take(comparison->rounds, sizeof *values);
    size_t count = 0;

    for (unsigned r = comparison->warm_ups; r < comparison->warm_ups + comparison->rounds; r++) {
        double value = entrant->runs[r].good ? own_figure_of(entrant->runs[r].said, key) : NAN;
        if (isfinite(value))
            values[count++] = value;
    }
    struct interval interval = statistics_interval(values, count);
    free(values);
    return interval;
}

/* The line of the first good run says which figures there are. */
static const char *first_line(const struct bench *bench, const struct comparison *comparison)
{
    for (size_t i = 0; i < bench->entrants; i++)
        for (unsigned r = 0; r < comparison->warm_ups + comparison->rounds; r++)
            if (comparison->entrants[i].runs[r].good)
                return comparison->entrants[i].runs[r].said;
    return "";
}

static void take_figures(const struct bench *bench, struct bench_row *row)
{
    const char *at = first_line(bench, &row->comparison);
    char key[OWN_KEY];
    double value;

    while (own_figure_next(&at, key, &value)) {
        row->figures = memory_resize(row->figures, row->figure_count + 1, sizeof *row->figures);
        struct bench_figure *figure = &row->figures[row->figure_count++];
        figure->key = memory_copy(key);
        figure->values = memory_take(bench->entrants, sizeof *figure->values);
        for (size_t i = 0; i < bench->entrants; i++)
            figure->values[i] = figure_values(&row->comparison, &row->comparison.entrants[i], key);
    }
}

const struct bench_figure *bench_figure(const struct bench_row *row, const char *key)
{
    for (size_t i = 0; i < row->figure_count; i++)
        if (strcmp(row->figures[i].key, key) == 0)
            return &row->figures[i];
    return NULL;
}

void bench_judge(const struct bench *bench, struct bench_row *row)
{
    compare_summarize(&row->comparison);
    row->fastest = least_peer(bench, row, METRIC_TIME);
    row->smallest = least_peer(bench, row, METRIC_RSS);
    row->time_ratios = ratios_to(bench, row, row->fastest, METRIC_TIME);
    row->memory_ratios = ratios_to(bench, row, row->smallest, METRIC_RSS);
    if (row->comparison.keep_output)
        take_figures(bench, row);
}

void bench_row_fini(struct bench_row *row)
{
    for (size_t i = 0; i < row->figure_count; i++) {
        free(row->figures[i].key);
        free(row->figures[i].values);
    }
    free(row->figures);
    free(row->time_ratios);
    free(row->memory_ratios);
    free((char *)row->comparison.label);
    compare_leave(&row->comparison);
    program_fini(&row->program);
    free(row->argv);
    free(row->words);
    free(row->settings);
    free(row->reason);
}

/*
 * --- all of them together -------------------------------------------------------------------------
 */

const struct bench_row *bench_measured(const struct bench *bench, const char *name)
{
    for (size_t i = 0; i < bench->count; i++)
        if (bench->rows[i].state == BENCH_MEASURED && strcmp(bench->rows[i].suite->name, name) == 0)
            return &bench->rows[i];
    return NULL;
}

struct bench_mean bench_mean(const struct bench *bench, size_t entrant)
{
    double *times = memory_take(bench->count, sizeof *times);
    double *memories = memory_take(bench->count, sizeof *memories);
    struct interval *intervals = memory_take(bench->count, sizeof *intervals);
    size_t timed = 0, weighed = 0;
    struct bench_mean mean;

    for (size_t i = 0; i < bench->count; i++) {
        const struct bench_row *row = &bench->rows[i];
        if (row->state != BENCH_MEASURED)
            continue;
        memories[weighed++] = row->memory_ratios[entrant].median;
        if (!bench_row_timed(row))
            continue;
        intervals[timed] = row->time_ratios[entrant];
        times[timed++] = row->time_ratios[entrant].median;
    }
    mean.time = means_geometric(times, timed, &mean.time_rows);
    mean.memory = means_geometric(memories, weighed, &mean.memory_rows);
    mean.time_spread = means_spread(intervals, timed);
    free(intervals);
    free(memories);
    free(times);
    return mean;
}

static double figure_median(const struct bench_row *row, const char *key, size_t entrant)
{
    const struct bench_figure *figure = bench_figure(row, key);

    if (!figure || figure->values[entrant].count == 0)
        return NAN;
    return figure->values[entrant].median;
}

double bench_choice(const struct bench *bench, const struct suite_choice *choice, size_t entrant)
{
    const struct bench_row *row = bench_measured(bench, choice->row);

    if (!row || row->comparison.entrants[entrant].good == 0)
        return NAN;
    if (!choice->figure)
        return row->comparison.entrants[entrant].values[METRIC_RSS].median;
    double value = figure_median(row, choice->figure, entrant);
    if (choice->divisor)
        value /= figure_median(row, choice->divisor, entrant);
    return value;
}

char *bench_peer_names(const struct bench *bench)
{
    char *names = memory_copy("");

    for (size_t i = 0; i < bench->entrants; i++) {
        if (!bench->peers[i])
            continue;
        char *longer = memory_format("%s%s%s", names, *names ? ", " : "",
                                     bench->allocators[i]->name);
        free(names);
        names = longer;
    }
    return names;
}
