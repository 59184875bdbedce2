/* SPDX-License-Identifier: MIT */
/*
 * A replay as a record for programs, and for `cairn report`: see replay.h. The JSON document has
 * sections to be drawn, and under `trace` and `allocators` all that they are made of; the CSV has a
 * line for each run, and for each checkpoint of the memory run.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "csv.h"
#include "json.h"
#include "own_memory.h"
#include "page/document.h"
#include "replay/replay.h"
#include "statistics_json.h"
#include "text.h"

enum { SCHEMA_VERSION = 1 };

static json_t *whole(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/*
 * --- sections -----------------------------------------------------------------------------------
 */

static void add_figures(json_t *document, const struct replay_contest *contest)
{
    const struct plan *plan = contest->plan;
    const struct plan_header *header = &plan->header;
    json_t *figures = document_figures(document, "What was replayed");

    document_figure(figures, "operations", (double)header->operations, "count", NULL);
    document_figure(figures, "threads", (double)plan->threads, "count", NULL);
    document_figure(figures, "most blocks live", (double)header->most_blocks, "count", NULL);
    document_figure(figures, "most bytes live", (double)header->most_bytes, "bytes",
                    "as asked for");
    document_figure(figures, "live at the end", (double)header->bytes_at_end, "bytes",
                    "as asked for");
}

static void add_table(json_t *document, const struct replay_contest *contest)
{
    json_t *table = document_table(document, "Allocators");

    document_column(table, "allocator", "", NULL);
    document_column(table, "time", "seconds", "less");
    document_column(table, "to the fastest", "ratio", "less");
    document_column(table, "per operation", "nanoseconds", "less");
    document_column(table, "peak RSS", "bytes", "less");
    document_column(table, "granted/asked", "ratio", "less");
    document_column(table, "RSS/asked", "ratio", "less");
    document_column(table, "inside blocks", "bytes", "less");
    document_column(table, "outside blocks", "bytes", "less");
    document_column(table, "RSS at end", "bytes", "less");
    document_column(table, "failure", "", NULL);
    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        bool in = replay_took_part(entrant), timed = in && entrant->good;
        if (entrant->is_alone)
            continue;
        json_t *row = json_array();
        json_append(row, json_from_text(entrant->name));
        json_append(row, json_from_real(timed ? entrant->values[REPLAY_TIME].median : NAN));
        json_append(row, json_from_real(timed ? entrant->ratio.median : NAN));
        json_append(row, json_from_real(timed ? replay_ns(contest, entrant) : NAN));
        json_append(row, json_from_real(in ? replay_peak(entrant) : NAN));
        json_append(row, json_from_real(in ? replay_granted_ratio(entrant) : NAN));
        json_append(row, json_from_real(in ? replay_rss_ratio(entrant) : NAN));
        json_append(row, json_from_real(in ? replay_mean_internal(entrant) : NAN));
        json_append(row, json_from_real(in ? replay_mean_external(entrant) : NAN));
        json_append(row,
                    json_from_real(in && entrant->measured ? (double)entrant->rss_after : NAN));
        json_append(row, json_from_text(entrant->failure ? entrant->failure : entrant->why_not));
        document_row(table, row);
    }
    document_note(table, "Per operation: CPU time. Granted and RSS to asked: when most bytes were "
                         "live. Inside and outside blocks: means over the checkpoints.");
}

/* One bar an allocator. */
static void add_bars(json_t *document, const struct replay_contest *contest, const char *title,
                     const char *axis, const char *unit, enum replay_metric metric)
{
    const char **names = memory_take(contest->count, sizeof *names);
    double *values = memory_take(contest->count, sizeof *values);
    double *low = memory_take(contest->count, sizeof *low);
    double *high = memory_take(contest->count, sizeof *high);
    size_t count = 0;

    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        if (!replay_took_part(entrant) || !entrant->good || entrant->is_alone)
            continue;
        names[count] = entrant->name;
        values[count] = entrant->values[metric].median;
        low[count] = entrant->values[metric].low;
        high[count++] = entrant->values[metric].high;
    }
    if (count > 0) {
        json_t *bars = document_bars(document, title, axis, unit, names, count);
        document_bar(bars, axis, values, low, high, count);
    }
    free(names);
    free(values);
    free(low);
    free(high);
}

enum curve { CURVE_RSS, CURVE_ASKED, CURVE_INSIDE, CURVE_OUTSIDE };

static double curve_value(const struct result_sample *sample, enum curve curve)
{
    switch (curve) {
    case CURVE_RSS:
        return (double)sample->rss;
    case CURVE_ASKED:
        return (double)sample->requested;
    case CURVE_INSIDE:
        return (double)sample->granted - (double)sample->requested;
    default:
        return (double)sample->rss - (double)sample->granted;
    }
}

static void add_line(json_t *series, const char *name, const struct replay_entrant *entrant,
                     enum curve curve)
{
    size_t count = entrant->sample_count;
    double *x = memory_take(count, sizeof *x), *y = memory_take(count, sizeof *y);

    for (size_t i = 0; i < count; i++) {
        x[i] = (double)entrant->samples[i].at;
        y[i] = curve_value(&entrant->samples[i], curve);
    }
    document_line(series, name, x, y, count);
    free(x);
    free(y);
}

static void add_series(json_t *document, const struct replay_contest *contest, const char *title,
                       enum curve curve, const char *note)
{
    const struct replay_entrant *any = NULL;
    json_t *series = NULL;

    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        bool has = curve == CURVE_RSS || entrant->knows_granted;
        if (!replay_took_part(entrant) || !entrant->measured || !has)
            continue;
        if (!series)
            series = document_series(document, title, "operations", "count", "memory", "bytes");
        add_line(series, entrant->name, entrant, curve);
        any = entrant;
    }
    if (any && curve == CURVE_RSS) /* last, so that allocators have the same colours everywhere */
        add_line(series, "asked for", any, CURVE_ASKED);
    if (series)
        document_note(series, note);
}

static void add_notes(json_t *document, const struct replay_contest *contest)
{
    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        if (entrant->failure)
            document_text(document, entrant->name, entrant->failure);
    }
    if (contest->plan->damage) {
        char *text = memory_format("The trace is %s; it was replayed up to there.",
                                   contest->plan->damage);
        document_text(document, "Damage", text);
        free(text);
    }
}

/*
 * --- the raw figures ----------------------------------------------------------------------------
 */

static json_t *trace_json(const struct replay_contest *contest)
{
    const struct plan *plan = contest->plan;
    const struct plan_header *header = &plan->header;
    json_t *object = json_object();

    json_put(object, "file", json_from_text(contest->trace));
    json_put(object, "command", json_from_text(plan->command));
    json_put(object, "process", json_integer(plan->process));
    json_put(object, "pid", json_integer(plan->pid));
    json_put(object, "operations", whole(header->operations));
    json_put(object, "allocations", whole(header->allocations));
    json_put(object, "reallocations", whole(header->reallocations));
    json_put(object, "frees", whole(header->frees));
    json_put(object, "threads", whole(plan->threads));
    json_put(object, "replay_threads", whole(header->streams));
    json_put(object, "folded_threads", whole(plan->folded));
    json_put(object, "most_blocks", whole(header->most_blocks));
    json_put(object, "most_bytes", whole(header->most_bytes));
    json_put(object, "blocks_at_end", whole(header->blocks_at_end));
    json_put(object, "bytes_at_end", whole(header->bytes_at_end));
    json_put(object, "unknown_frees", whole(plan->unknown));
    json_put(object, "strange_addresses", whole(plan->strange));
    json_put(object, "failed_allocations", whole(plan->failed));
    json_put(object, "events_of_other_programs", whole(plan->others));
    json_put(object, "damage", json_from_text(plan->damage));
    return object;
}

static json_t *run_json(const struct replay_run *run, unsigned round)
{
    json_t *object = json_object();

    json_put(object, "round", json_integer(round + 1));
    json_put(object, "wall_seconds", json_from_real(run->wall));
    json_put(object, "cpu_seconds", json_from_real(run->cpu));
    json_put(object, "peak_rss_bytes", whole(run->peak_rss));
    json_put(object, "minor_faults", whole(run->minor_faults));
    json_put(object, "major_faults", whole(run->major_faults));
    return object;
}

static json_t *sample_json(const struct replay_entrant *entrant, const struct result_sample *sample)
{
    json_t *object = json_object();

    json_put(object, "operation", whole(sample->at));
    json_put(object, "blocks", whole(sample->blocks));
    json_put(object, "requested_bytes", whole(sample->requested));
    json_put(object, "granted_bytes",
             entrant->knows_granted ? whole(sample->granted) : json_null());
    json_put(object, "rss_bytes", whole(sample->rss));
    return object;
}

static json_t *entrant_json(const struct replay_contest *contest,
                            const struct replay_entrant *entrant)
{
    static const char *const keys[REPLAY_METRICS] = {
        [REPLAY_TIME] = "wall_seconds",
        [REPLAY_CPU] = "cpu_seconds",
        [REPLAY_PEAK] = "peak_rss_bytes",
        [REPLAY_FAULTS] = "faults",
    };
    json_t *object = json_object(), *values = json_object();
    json_t *runs = json_array(), *samples = json_array();

    json_put(object, "name", json_from_text(entrant->name));
    json_put(object, "library", json_from_text(entrant->library));
    json_put(object, "stack", json_from_text(entrant->stack));
    json_put(object, "failure",
             json_from_text(entrant->failure ? entrant->failure : entrant->why_not));
    for (size_t i = 0; i < REPLAY_METRICS; i++)
        json_put(values, keys[i], json_from_interval(&entrant->values[i]));
    json_put(object, "values", values);
    json_put(object, "ratio_to_best", json_from_interval(&entrant->ratio));
    for (unsigned r = 0; r < contest->rounds_done; r++)
        if (entrant->runs[r].good)
            json_append(runs, run_json(&entrant->runs[r], r));
    json_put(object, "runs", runs);
    for (size_t i = 0; i < entrant->sample_count; i++)
        json_append(samples, sample_json(entrant, &entrant->samples[i]));
    json_put(object, "checkpoints", samples);
    json_put(object, "rss_before_bytes",
             entrant->measured ? whole(entrant->rss_before) : json_null());
    json_put(object, "rss_at_end_bytes",
             entrant->measured ? whole(entrant->rss_after) : json_null());
    return object;
}

void replay_print_json(const struct replay_contest *contest, FILE *to)
{
    const char *what = *contest->plan->command ? contest->plan->command : contest->trace;
    char *title = memory_format("Replay of %s", what);
    json_t *document = document_new("cairn.replay", SCHEMA_VERSION, title, contest->argv);
    json_t *entrants = json_array();

    free(title);
    add_figures(document, contest);
    add_table(document, contest);
    add_bars(document, contest, "Time", "time", "seconds", REPLAY_TIME);
    add_bars(document, contest, "Peak memory", "peak RSS", "bytes", REPLAY_PEAK);
    add_series(document, contest, "Resident memory over the run", CURVE_RSS,
               "RSS above that of a process that does nothing, at moments when all threads stand "
               "still.");
    add_series(document, contest, "Inside blocks: granted, not asked for", CURVE_INSIDE,
               "Internal fragmentation: what malloc_usable_size says, less what was asked for.");
    add_series(document, contest, "Outside blocks: resident, not granted", CURVE_OUTSIDE,
               "External fragmentation and the allocator's own records: RSS less what was granted. "
               "Below zero where blocks were not written to.");
    add_notes(document, contest);
    json_put(document, "trace", trace_json(contest));
    json_put(document, "rounds_done", json_integer(contest->rounds_done));
    json_put(document, "seed", whole(contest->options->seed));
    json_put(document, "load_before", json_from_real(contest->load));
    json_put(document, "base_rss_bytes", whole(contest->base));
    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        if (entrant->is_alone)
            json_put(document, "replayer_alone", entrant_json(contest, entrant));
        else
            json_append(entrants, entrant_json(contest, entrant));
    }
    json_put(document, "allocators", entrants);
    json_finish(document, to);
}

/*
 * --- CSV ----------------------------------------------------------------------------------------
 */

static void put_entrant(const struct replay_contest *contest, const struct replay_entrant *entrant,
                        FILE *to)
{
    for (unsigned r = 0; r < contest->rounds_done; r++) {
        const struct replay_run *run = &entrant->runs[r];
        if (!run->good)
            continue;
        csv_field(to, entrant->name);
        fprintf(to, ",time,%u,%" PRIu64 ",%.9f,%.9f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",,,,,\n",
                r + 1, contest->plan->header.operations, run->wall, run->cpu, run->minor_faults,
                run->major_faults, run->peak_rss);
    }
    for (size_t i = 0; i < entrant->sample_count; i++) {
        const struct result_sample *sample = &entrant->samples[i];
        csv_field(to, entrant->name);
        fprintf(to, ",memory,1,%" PRIu64 ",,,,,,%" PRIu64 ",%" PRIu64 ",", sample->at,
                sample->blocks, sample->requested);
        if (entrant->knows_granted)
            fprintf(to, "%" PRIu64, sample->granted);
        fprintf(to, ",%" PRIu64 ",\n", sample->rss);
    }
    const char *failure = entrant->failure ? entrant->failure : entrant->why_not;
    if (failure) {
        csv_field(to, entrant->name);
        fputs(",failed,,,,,,,,,,,,", to);
        csv_field(to, failure);
        fputc('\n', to);
    }
}

void replay_print_csv(const struct replay_contest *contest, FILE *to)
{
    char *arguments = text_command(contest->argv, 0);

    fprintf(to, "# %s\n", arguments);
    fputs("allocator,pass,round,operation,wall_seconds,cpu_seconds,minor_faults,major_faults,"
          "peak_rss_bytes,blocks,requested_bytes,granted_bytes,rss_bytes,failure\n",
          to);
    for (size_t i = 0; i < contest->count; i++)
        put_entrant(contest, &contest->entrants[i], to);
    free(arguments);
}
