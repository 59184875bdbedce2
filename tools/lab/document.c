/* SPDX-License-Identifier: MIT */
/*
 * What experiments have shown, as a document (schema "cairn.lab", version 1): what was played; the
 * means, the end and the worst as tables; the figures over time; bars; pictures of the memory.
 */
#define _GNU_SOURCE
#include "page/document.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "own_memory.h"
#include "page/page.h"

enum { VERSION = 1, RUNS_MOST = 20000 };

static void add_definition(json_t *section, const struct metric_definition *definition)
{
    char *text = memory_format("%s.", definition->definition);

    text[0] = (char)toupper((unsigned char)text[0]);
    document_note(section, text);
    free(text);
}

static void add_columns(json_t *table, const char *first)
{
    document_column(table, first, "", NULL);
    for (size_t i = 0; i < METRICS; i++)
        document_column(table, metric_definitions[i].title, metrics_unit((enum metric)i),
                        metric_definitions[i].better);
}

static void add_row(json_t *table, const char *name, const struct metrics *metrics)
{
    json_t *row = json_array();

    json_append(row, json_from_text(name));
    for (size_t i = 0; i < METRICS; i++)
        json_append(row, json_from_real(metrics_shown((enum metric)i, metrics->values[i])));
    document_row(table, row);
}

static void add_tables(json_t *document, const struct experiment *experiments, size_t count)
{
    json_t *mean = document_table(document, "Means over the run");
    json_t *end = document_table(document, "At the end");
    json_t *worst = document_table(document, "At worst");

    add_columns(mean, "allocator");
    add_columns(end, "allocator");
    add_columns(worst, "allocator");
    for (size_t i = 0; i < count; i++) {
        struct metrics means;
        for (size_t j = 0; j < METRICS; j++)
            means.values[j] = lab_mean(&experiments[i], (enum metric)j);
        add_row(mean, experiments[i].name, &means);
        add_row(end, experiments[i].name, experiment_end(&experiments[i]));
        add_row(worst, experiments[i].name, &experiments[i].worst);
    }
    document_note(mean,
                  "A blank is a figure that cannot be known of this allocator. High-water and "
                  "failed requests only grow: they are those at the end.");
}

static bool is_known(const struct experiment *experiment, enum metric metric)
{
    return isfinite(experiment->mean.values[metric]);
}

static void add_line(json_t *series, const struct experiment *experiment, enum metric metric)
{
    double *x = memory_take(experiment->count, sizeof *x);
    double *y = memory_take(experiment->count, sizeof *y);

    for (size_t i = 0; i < experiment->count; i++) {
        x[i] = (double)experiment->samples[i].at;
        y[i] = metrics_shown(metric, experiment->samples[i].metrics.values[metric]);
    }
    document_line(series, experiment->name, x, y, experiment->count);
    free(x);
    free(y);
}

static void add_series(json_t *document, const struct experiment *experiments, size_t count)
{
    static const enum metric over_time[] = {METRIC_EXTERNAL,     METRIC_INTERNAL,
                                            METRIC_UTILISATION,  METRIC_HOLES,
                                            METRIC_LARGEST_FREE, METRIC_HIGH_WATER};

    for (size_t i = 0; i < sizeof over_time / sizeof *over_time; i++) {
        const struct metric_definition *definition = &metric_definitions[over_time[i]];
        json_t *series = document_series(document, definition->title, "calls", "operations",
                                         definition->title, metrics_unit(over_time[i]));
        for (size_t j = 0; j < count; j++)
            if (is_known(&experiments[j], over_time[i]))
                add_line(series, &experiments[j], over_time[i]);
        add_definition(series, definition);
    }
}

static void add_bars(json_t *document, const struct experiment *experiments, size_t count)
{
    static const enum metric shares[] = {METRIC_EXTERNAL, METRIC_INTERNAL, METRIC_PROBE};
    const char **names = memory_take(count, sizeof *names);
    double *values = memory_take(count, sizeof *values);

    for (size_t i = 0; i < count; i++)
        names[i] = experiments[i].name;
    json_t *bars = document_bars(document, "Fragmentation and success, means", "share", "percent",
                                 names, count);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        for (size_t j = 0; j < count; j++)
            values[j] = metrics_shown(shares[i], experiments[j].mean.values[shares[i]]);
        document_bar(bars, metric_definitions[shares[i]].title, values, NULL, NULL, count);
    }
    free(values);
    free(names);
}

/* Neighbours of the same state become one run. */
static void add_frame(json_t *heapmap, const struct experiment_frame *frame)
{
    char *label = memory_format("after call %zu", frame->at);
    json_t *target = document_frame(heapmap, label);
    const struct map *map = &frame->map;
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->count; i++) {
        bytes += map->runs[i].size;
        if (i + 1 < map->count && map->runs[i + 1].state == map->runs[i].state)
            continue;
        document_run(target, map->runs[i].state, (double)bytes);
        bytes = 0;
    }
    free(label);
}

static void add_map(json_t *document, const struct experiment *experiment)
{
    char *title = memory_format("Memory of %s", experiment->name);
    json_t *heapmap = document_heapmap(document, title);

    for (size_t i = 0; i < MAP_STATES; i++)
        document_state(heapmap, map_state_name((enum map_state)i, experiment->tells_free));
    for (size_t i = 0; i < experiment->frame_count; i++)
        if (experiment->frames[i].map.count <= RUNS_MOST)
            add_frame(heapmap, &experiment->frames[i]);
    document_note(heapmap, experiment->tells_free
                               ? "Blocks and free blocks by address. Records: the allocator's own, "
                                 "its tags, and what is lost to alignment."
                               : "Blocks by address. This allocator does not tell what is free.");
    free(title);
}

json_t *lab_document(const struct experiment_plan *plan, const struct experiment *experiments,
                     size_t count, char *const *command)
{
    char *title = memory_format("Fragmentation laboratory: %s", plan->pattern.name);
    char *text = lab_plan_text(plan);
    json_t *document = document_new("cairn.lab", VERSION, title, command);

    document_text(document, "What was played", text);
    add_tables(document, experiments, count);
    add_bars(document, experiments, count);
    add_series(document, experiments, count);
    for (size_t i = 0; i < count; i++)
        if (experiments[i].frame_count > 0)
            add_map(document, &experiments[i]);
    free(text);
    free(title);
    return document;
}

bool lab_document_write(json_t *document, const struct lab_options *options, struct output *output)
{
    FILE *to = output_begin(output);
    if (options->html) {
        json_t *documents = json_array();
        json_append(documents, document);
        page_write(documents, NULL, to);
        json_decref(documents);
    } else {
        json_finish(document, to);
    }
    const char *path = output->path;
    if (!output_close(output))
        return false;
    if (path && options->html)
        printf("open it: xdg-open %s\n", path);
    else if (path)
        printf("next: cairn report %s\n", path);
    return true;
}

char **lab_command(int argc, char **argv)
{
    static char cairn[] = "cairn", lab[] = "lab";
    char **command = memory_take((size_t)argc + 3, sizeof *command);
    size_t count = 0;

    command[count++] = cairn;
    if (strcmp(argv[0], lab) != 0) /* without a part, argv[0] is the verb */
        command[count++] = lab;
    memcpy(command + count, argv, (size_t)argc * sizeof *argv);
    return command;
}
