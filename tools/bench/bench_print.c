/* SPDX-License-Identifier: MIT */
/*
 * The suite as tables for people: see bench.h. One table has the ratios of all programs, another the
 * figures that they tell of themselves, and one is for choosing; with -v, or when there are few
 * programs, each has a table of its own before that (bench_print_row.c).
 */
#define _GNU_SOURCE
#include "bench/bench_print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/own_figures.h"
#include "compare_text.h"
#include "output.h"
#include "own_memory.h"
#include "text.h"

enum { WIDEST = 100, FEW_PROGRAMS = 4 };

static void heading(FILE *to, bool color, const char *text)
{
    fputc('\n', to);
    table_styled(to, color, STYLE_HEAD, text);
    fputc('\n', to);
}

/* The names of all entrants, after a first cell. */
static void add_names(struct table *table, const struct bench *bench, const char *first)
{
    table_add(table, STYLE_HEAD, memory_copy(first));
    for (size_t i = 0; i < bench->entrants; i++)
        table_add(table, STYLE_HEAD, memory_copy(bench->allocators[i]->name));
}

/*
 * --- ratios --------------------------------------------------------------------------------------
 */

static char *ratio_text(const struct interval *ratio)
{
    return ratio->count == 0 ? memory_copy("-") : memory_format("%.2f", ratio->median);
}

/* "1.05/0.98": time and memory; green where it is the least of both among all. */
static void add_ratios(struct table *table, const struct bench *bench, const struct bench_row *row,
                       size_t entrant)
{
    const struct entrant *self = &row->comparison.entrants[entrant];
    bool timed = bench_row_timed(row);

    (void)bench;
    if (self->good == 0) {
        table_add(table, STYLE_BAD, memory_copy(self->failed ? "failed" : "-"));
        return;
    }
    char *time = timed ? ratio_text(&row->time_ratios[entrant]) : memory_copy("");
    char *memory = ratio_text(&row->memory_ratios[entrant]);
    bool best = (!timed || self == compare_least(&row->comparison, METRIC_TIME)) &&
                self == compare_least(&row->comparison, METRIC_RSS);
    table_add(table, best ? STYLE_BEST : STYLE_PLAIN, memory_format("%s/%s", time, memory));
    free(time);
    free(memory);
}

static size_t count_measured(const struct bench *bench)
{
    size_t count = 0;

    for (size_t i = 0; i < bench->count; i++)
        count += bench->rows[i].state == BENCH_MEASURED;
    return count;
}

static void add_means(struct table *table, const struct bench *bench)
{
    size_t measured = count_measured(bench);

    table_add(table, STYLE_HEAD, memory_copy("mean"));
    for (size_t i = 0; i < bench->entrants; i++) {
        struct bench_mean mean = bench_mean(bench, i);
        char *time = mean.time_rows ? memory_format("%.2f", mean.time) : memory_copy("-");
        char *memory = mean.memory_rows ? memory_format("%.2f", mean.memory) : memory_copy("-");
        table_add(table, STYLE_HEAD,
                  memory_format("%s/%s%s", time, memory, mean.memory_rows < measured ? "*" : ""));
        free(time);
        free(memory);
    }
}

static void print_ratios(const struct bench *bench, FILE *to, bool color)
{
    struct table table;
    char *peers = bench_peer_names(bench);
    char *title = memory_format("time/peak RSS, as ratios to the virtual best of %s", peers);
    bool partial = false;

    heading(to, color, title);
    table_init(&table, bench->entrants + 1, color);
    add_names(&table, bench, "program");
    for (size_t i = 0; i < bench->count; i++) {
        if (bench->rows[i].state != BENCH_MEASURED)
            continue;
        table_add(&table, STYLE_PLAIN, memory_copy(bench->rows[i].suite->name));
        for (size_t e = 0; e < bench->entrants; e++)
            add_ratios(&table, bench, &bench->rows[i], e);
    }
    add_means(&table, bench);
    table_print(&table, to);
    table_fini(&table);
    for (size_t e = 0; e < bench->entrants; e++)
        partial |= bench_mean(bench, e).memory_rows < count_measured(bench);
    if (partial)
        fputs("*: without the programs that failed or were not run under it\n", to);
    free(title);
    free(peers);
}

/*
 * --- figures of their own ------------------------------------------------------------------------
 */

/* Where the least (or, if more is better, the greatest) median is. */
static size_t best_of(const struct interval *values, size_t count, const char *better)
{
    size_t best = count;

    for (size_t i = 0; better && i < count; i++) {
        if (values[i].count == 0)
            continue;
        if (best == count || (*better == 'l' ? values[i].median < values[best].median
                                             : values[i].median > values[best].median))
            best = i;
    }
    return best;
}

static void add_figure(struct table *table, const struct bench *bench, const struct bench_row *row,
                       const struct bench_figure *figure)
{
    size_t best = best_of(figure->values, bench->entrants, own_figure_better(figure->key));
    char *name = own_figure_name(figure->key);

    table_add(table, STYLE_PLAIN, memory_format("%s: %s", row->suite->name, name));
    for (size_t e = 0; e < bench->entrants; e++)
        table_add(
            table, e == best ? STYLE_BEST : STYLE_PLAIN,
            own_figure_text(figure->key, figure->values[e].count ? figure->values[e].median : NAN));
    free(name);
}

static void print_figures(const struct bench *bench, FILE *to, bool color)
{
    struct table table;
    size_t shown = 0;

    table_init(&table, bench->entrants + 1, color);
    add_names(&table, bench, "figure");
    for (size_t i = 0; i < bench->count; i++) {
        const struct bench_row *row = &bench->rows[i];
        for (size_t f = 0; row->state == BENCH_MEASURED && f < row->figure_count; f++, shown++)
            add_figure(&table, bench, row, &row->figures[f]);
    }
    if (shown > 0) {
        heading(to, color, "what the programs tell of themselves, as medians");
        table_print(&table, to);
    }
    table_fini(&table);
}

/*
 * --- for choosing --------------------------------------------------------------------------------
 */

static char *choice_text(const struct suite_choice *choice, double value)
{
    char out[TEXT_SHORT];

    if (!isfinite(value))
        return memory_copy("-");
    if (choice->divisor)
        return memory_format("%.2f", value);
    if (!choice->figure)
        return memory_copy(text_bytes(out, value));
    return own_figure_text(choice->figure, value);
}

static void add_choice(struct table *table, const struct bench *bench,
                       const struct suite_choice *choice)
{
    const char *better = choice->figure ? own_figure_better(choice->figure) : "less";
    struct interval *values = memory_take(bench->entrants, sizeof *values);

    for (size_t e = 0; e < bench->entrants; e++) {
        double value = bench_choice(bench, choice, e);
        values[e] = (struct interval){.count = isfinite(value), .median = value};
    }
    size_t best = best_of(values, bench->entrants, better);
    table_add(table, STYLE_PLAIN, memory_copy(choice->title));
    for (size_t e = 0; e < bench->entrants; e++)
        table_add(table, e == best ? STYLE_BEST : STYLE_PLAIN,
                  choice_text(choice, values[e].median));
    free(values);
}

static void print_choice(const struct bench *bench, FILE *to, bool color)
{
    struct table table;
    size_t there = 0;

    for (size_t c = 0; c < suite_choice_count; c++)
        there += bench_measured(bench, suite_choices[c].row) != NULL;
    if (there < suite_choice_count)
        return;
    heading(to, color, "by which people choose");
    table_init(&table, bench->entrants + 1, color);
    add_names(&table, bench, "");
    for (size_t c = 0; c < suite_choice_count; c++)
        add_choice(&table, bench, &suite_choices[c]);
    table_print(&table, to);
    table_fini(&table);
    fputs(
        "small, large objects: time of a malloc and a free. Scaling: work of all processors in\n"
        "terms of one. Fragmentation: resident bytes for each live byte after a fall. Footprint:\n"
        "peak memory of a program that does nothing.\n",
        to);
}

/*
 * --- notes ---------------------------------------------------------------------------------------
 */

static void print_failures(const struct bench *bench, const struct bench_row *row, FILE *to,
                           bool color)
{
    char signal[TEXT_SHORT];

    for (size_t e = 0; row->state == BENCH_MEASURED && e < bench->entrants; e++) {
        const struct entrant *entrant = &row->comparison.entrants[e];
        if (entrant->failed > 0) {
            const struct figures *first = entrant->first_failure;
            char *how = first->signal ? memory_copy(text_signal(signal, first->signal))
                                      : memory_format("exit code %d", first->exit_code);
            char *line = memory_format("%s failed under %s (%s)%s%s\n", row->suite->name,
                                       entrant->allocator->name, how,
                                       entrant->failure_note ? "; " : "",
                                       entrant->failure_note ? entrant->failure_note : "");
            table_styled(to, color, STYLE_BAD, line);
            free(line);
            free(how);
        }
        if (entrant->differing > 0 && row->figure_count == 0 && !row->comparison.output_varies)
            fprintf(to, "%s: the output under %s differs\n", row->suite->name,
                    entrant->allocator->name);
    }
}

static void print_rows_left(const struct bench *bench, FILE *to, bool color)
{
    for (size_t i = 0; i < bench->count; i++) {
        const struct bench_row *row = &bench->rows[i];
        char *line = NULL;
        if (row->state == BENCH_FAILED)
            line = memory_format("%s failed: %s\n", row->suite->name, row->reason);
        else if (row->state == BENCH_SKIPPED)
            line = memory_format("%s left out: %s\n", row->suite->name, row->reason);
        if (line)
            table_styled(to, color, row->state == BENCH_FAILED ? STYLE_BAD : STYLE_FAINT, line);
        free(line);
        print_failures(bench, row, to, color);
    }
}

/* How far single times, and the means, can be trusted. */
static void print_noise(const struct bench *bench, FILE *to)
{
    double *widths = memory_take(bench->count * bench->entrants, sizeof *widths);
    unsigned fewest = 0, most = 0;
    size_t count = 0;

    for (size_t i = 0; i < bench->count; i++) {
        const struct bench_row *row = &bench->rows[i];
        if (row->state != BENCH_MEASURED || !bench_row_timed(row))
            continue;
        unsigned rounds = row->comparison.rounds_done;
        fewest = most == 0 || rounds < fewest ? rounds : fewest;
        most = rounds > most ? rounds : most;
        for (size_t e = 0; e < bench->entrants; e++) {
            const struct interval *time = &row->comparison.entrants[e].values[METRIC_TIME];
            if (time->count > 1)
                widths[count++] = (time->high - time->low) / 2 / time->median * 100;
        }
    }
    struct interval all = statistics_interval(widths, count);
    free(widths);
    fprintf(to, "rounds: %u to %u, each in an order of its own", fewest, most);
    if (all.count > 0)
        fprintf(to, "; noise: a time's interval is %s %.1f %% (median)", text_signs()->plus_minus,
                all.median);
    for (size_t e = 0; e < bench->entrants && all.count > 0; e++)
        if (bench->allocators[e]->is_cairn)
            fprintf(to, ", Cairn's mean time %s %.1f %%", text_signs()->plus_minus,
                    (bench_mean(bench, e).time_spread - 1) * 100);
    fputc('\n', to);
}

/* Where Cairn does worst, if there is a choice: worth a closer look. */
static void print_next(const struct bench *bench, FILE *to)
{
    const struct bench_row *worst = NULL;
    double ratio = 1;

    for (size_t i = 0; i < bench->count; i++) {
        const struct bench_row *row = &bench->rows[i];
        if (row->state != BENCH_MEASURED || !bench_row_timed(row))
            continue;
        for (size_t e = 0; e < bench->entrants; e++)
            if (bench->allocators[e]->is_cairn && row->time_ratios[e].median > ratio) {
                worst = row;
                ratio = row->time_ratios[e].median;
            }
    }
    if (worst && count_measured(bench) > FEW_PROGRAMS && !bench->interrupted)
        fprintf(to, "next: cairn bench --only %s --rounds 15\n", worst->suite->name);
}

static void print_notes(const struct bench *bench, FILE *to, bool color)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    char signal[TEXT_SHORT], took[TEXT_SHORT];

    fputc('\n', to);
    if (bench->interrupted)
        fprintf(to, "interrupted by %s: what had been measured until then\n",
                text_signal(signal, bench->interrupted));
    print_rows_left(bench, to, color);
    for (size_t i = 0; i < bench->list.count; i++)
        if (bench->list.items[i].why_not)
            fprintf(to, "%s left out: it is %s\n", bench->list.items[i].name,
                    bench->list.items[i].why_not);
    if (count_measured(bench) > 0)
        print_noise(bench, to);
    if (!bench->counted_instructions && count_measured(bench) > 0)
        fputs("instructions: not counted (the kernel has no counter here, or does not permit it)\n",
              to);
    if (processors > 0 && bench->load > 0.75 * (double)processors)
        fprintf(to, "the machine was busy before (load %.1f on %ld processors): times spread\n",
                bench->load, processors);
    fprintf(to, "took %s on %ld processors\n", text_seconds(took, bench->seconds), processors);
    print_next(bench, to);
}

void bench_print(const struct bench *bench, FILE *to, bool color)
{
    size_t measured = count_measured(bench);

    fprintf(to, "%s\n", bench->invocation);
    for (size_t i = 0; i < bench->count; i++)
        if (bench->rows[i].state == BENCH_MEASURED &&
            (bench->options->verbose || measured <= FEW_PROGRAMS))
            bench_print_row(bench, &bench->rows[i], to, color);
    if (measured > 0) {
        if (measured > 1 && !bench->options->table)
            print_ratios(bench, to, color);
        if (measured > FEW_PROGRAMS && !bench->options->table)
            print_figures(bench, to, color);
        print_choice(bench, to, color);
    }
    print_notes(bench, to, color);
}
