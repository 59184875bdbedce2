/* SPDX-License-Identifier: MIT */
/*
 * A comparison as a record for programs: see compare.h. The JSON document has everything, single
 * runs and what was made of them; the CSV has a line for each run, and the command on its first
 * line.
 */
#define _GNU_SOURCE
#include "compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "csv.h"
#include "json.h"
#include "outcome.h"
#include "statistics_json.h"
#include "text.h"

enum { SCHEMA_VERSION = 1, DIGEST_TEXT = 17 };

static const char *const metric_keys[METRICS] = {
    [METRIC_TIME] = "wall_seconds",         [METRIC_CPU] = "cpu_seconds",
    [METRIC_RSS] = "peak_rss_bytes",        [METRIC_FAULTS] = "faults",
    [METRIC_INSTRUCTIONS] = "instructions",
};

static unsigned all_rounds(const struct comparison *comparison)
{
    return comparison->warm_ups + comparison->rounds;
}

/* UTC, as RFC 3339 writes it. */
static void put_now(char out[TEXT_SHORT])
{
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(out, TEXT_SHORT, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static json_t *machine_json(const struct comparison *comparison)
{
    json_t *object = json_object();
    struct utsname name;
    char now[TEXT_SHORT];

    if (uname(&name) == 0) {
        json_put(object, "system", json_from_text(name.sysname));
        json_put(object, "release", json_from_text(name.release));
        json_put(object, "machine", json_from_text(name.machine));
    }
    json_put(object, "processors", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_put(object, "load_before", json_from_real(comparison->load));
    put_now(now);
    json_put(object, "time", json_from_text(now));
    return object;
}

static json_t *ratio_json(const struct interval *ratio)
{
    json_t *object = json_from_interval(ratio);
    enum statistics_side side = statistics_side(ratio, 1);

    if (ratio->count > 0)
        json_put(object, "noise",
                 side == SIDE_UNKNOWN ? json_null() : json_boolean(side == SIDE_NOISE));
    return object;
}

static json_t *run_json(const struct comparison *comparison, const struct figures *figures,
                        unsigned round)
{
    json_t *object = json_object();
    bool warm_up = round < comparison->warm_ups;
    char digest[DIGEST_TEXT];

    snprintf(digest, sizeof digest, "%016" PRIx64, figures->digest);
    json_put(object, "warm_up", json_boolean(warm_up));
    json_put(object, "round", json_integer(warm_up ? round + 1 : round - comparison->warm_ups + 1));
    json_put(object, "position", json_integer(figures->position + 1));
    json_put(object, "good", json_boolean(figures->good));
    outcome_put_end(object, figures->exit_code, figures->signal);
    json_put(object, "wall_seconds", json_from_real(figures->wall));
    json_put(object, "user_seconds", json_from_real(figures->user));
    json_put(object, "system_seconds", json_from_real(figures->system));
    json_put(object, "peak_rss_bytes", json_integer(figures->peak_rss));
    json_put(object, "minor_faults", json_integer(figures->minor_faults));
    json_put(object, "major_faults", json_integer(figures->major_faults));
    json_put(object, "instructions",
             figures->instructions < 0 ? json_null() : json_integer(figures->instructions));
    json_put(object, "output_bytes", json_integer((json_int_t)figures->output_size));
    json_put(object, "output_xxh64", json_from_text(digest));
    return object;
}

static json_t *entrant_json(const struct comparison *comparison, const struct entrant *entrant)
{
    json_t *object = json_object(), *values = json_object(), *ratios = json_object();
    json_t *runs = json_array();

    json_put(object, "name", json_from_text(entrant->allocator->name));
    json_put(object, "library", json_from_text(entrant->allocator->path));
    json_put(object, "verified", json_boolean(entrant->verified));
    json_put(object, "failed_runs", json_integer((json_int_t)entrant->failed));
    json_put(object, "failure_note", json_from_text(entrant->failure_note));
    json_put(object, "differing_outputs",
             comparison->output_varies ? json_null()
                                       : json_integer((json_int_t)entrant->differing));
    for (size_t i = 0; i < METRICS; i++) {
        json_put(values, metric_keys[i], json_from_interval(&entrant->values[i]));
        json_put(ratios, metric_keys[i], ratio_json(&entrant->ratios[i]));
    }
    json_put(object, "values", values);
    json_put(object, "ratios", ratios);
    for (unsigned r = 0; r < all_rounds(comparison); r++)
        if (entrant->runs[r].done)
            json_append(runs, run_json(comparison, &entrant->runs[r], r));
    json_put(object, "runs", runs);
    return object;
}

void compare_print_json(const struct comparison *comparison, FILE *to)
{
    json_t *document = json_document("cairn.compare", SCHEMA_VERSION);
    json_t *entrants = json_array(), *left_out = json_array();
    char *verdict = compare_verdict(comparison);
    char signal[TEXT_SHORT];
    int interrupted = comparison->interrupted;

    json_put(document, "command", json_from_argv(comparison->argv));
    json_put(document, "invocation", json_from_text(comparison->invocation));
    json_put(document, "machine", machine_json(comparison));
    json_put(document, "rounds", json_integer(comparison->rounds));
    json_put(document, "rounds_done", json_integer(comparison->rounds_done));
    json_put(document, "warm_ups", json_integer(comparison->warm_ups));
    json_put(document, "seed", json_integer((json_int_t)comparison->seed));
    json_put(document, "interrupted",
             json_from_text(interrupted ? text_signal(signal, interrupted) : NULL));
    json_put(document, "baseline",
             json_from_text(comparison->entrants[comparison->baseline].allocator->name));
    json_put(document, "output_varies", json_boolean(comparison->output_varies));
    json_put(document, "verdict", json_from_text(verdict));
    for (size_t i = 0; i < comparison->count; i++)
        json_append(entrants, entrant_json(comparison, &comparison->entrants[i]));
    json_put(document, "allocators", entrants);
    for (size_t i = 0; i < comparison->all->count; i++) {
        const struct allocator *allocator = &comparison->all->items[i];
        if (!allocator->why_not)
            continue;
        json_t *object = json_object();
        json_put(object, "name", json_from_text(allocator->name));
        json_put(object, "library", json_from_text(allocator->path));
        json_put(object, "reason", json_from_text(allocator->why_not));
        json_append(left_out, object);
    }
    json_put(document, "left_out", left_out);
    json_finish(document, to);
    free(verdict);
}

static void put_run(const struct comparison *comparison, const struct entrant *entrant,
                    unsigned round, FILE *to)
{
    const struct figures *figures = &entrant->runs[round];
    bool warm_up = round < comparison->warm_ups;

    csv_field(to, entrant->allocator->name);
    fprintf(to, ",%d,%u,%u,%d,%d,%d", warm_up,
            warm_up ? round + 1 : round - comparison->warm_ups + 1, figures->position + 1,
            figures->good, figures->exit_code, figures->signal);
    fprintf(to, ",%.6f,%.6f,%.6f", figures->wall, figures->user, figures->system);
    fprintf(to, ",%lld,%lld,%lld", figures->peak_rss, figures->minor_faults, figures->major_faults);
    fprintf(to, ",%" PRIu64 ",%016" PRIx64 "\n", figures->output_size, figures->digest);
}

void compare_print_origin(const char *invocation, double load, uint64_t seed, FILE *to)
{
    struct utsname name;
    char now[TEXT_SHORT];

    put_now(now);
    fprintf(to, "# %s\n", invocation);
    if (uname(&name) == 0)
        fprintf(to, "# %s %s %s, %ld processors, load %.2f, seed %" PRIu64 ", %s\n", name.sysname,
                name.release, name.machine, sysconf(_SC_NPROCESSORS_ONLN), load, seed, now);
}

void compare_print_csv(const struct comparison *comparison, FILE *to)
{
    compare_print_origin(comparison->invocation, comparison->load, comparison->seed, to);
    fputs("allocator,warm_up,round,position,good,exit_code,signal,wall_seconds,user_seconds,"
          "system_seconds,peak_rss_bytes,minor_faults,major_faults,output_bytes,output_xxh64\n",
          to);
    for (unsigned r = 0; r < all_rounds(comparison); r++)
        for (size_t i = 0; i < comparison->count; i++)
            if (comparison->entrants[i].runs[r].done)
                put_run(comparison, &comparison->entrants[i], r, to);
}
