/* SPDX-License-Identifier: MIT */
/* Sections of documents: see document_parts.h. */
#include "profile/document_parts.h"

#include <stdlib.h>

#include "own_memory.h"
#include "page/document.h"
#include "profile/short_name.h"
#include "text.h"

enum { FLAME_NODES = 12000, FLAME_NAME = 160 };

/*
 * --- over time ----------------------------------------------------------------------------------
 */

json_t *part_live_series(json_t *document)
{
    json_t *series = document_series(document, "Live bytes over time", "time", "seconds",
                                     "live bytes", "bytes");
    document_note(series, "Live: at that moment. Highest: the most since the moment before.");
    return series;
}

void part_live_lines(json_t *series, const struct profile *profile, const char *suffix)
{
    size_t count = profile->moment_count;
    double *x = memory_take(count, sizeof *x), *live = memory_take(count, sizeof *live);
    double *high = memory_take(count, sizeof *high);

    for (size_t i = 0; i < count; i++) {
        x[i] = profile->moments[i].seconds;
        live[i] = (double)profile->moments[i].bytes;
        high[i] = (double)profile->moments[i].high;
    }
    char *live_name = memory_format("live%s", suffix),
         *high_name = memory_format("highest%s", suffix);
    document_line(series, live_name, x, live, count);
    document_line(series, high_name, x, high, count);
    free(live_name);
    free(high_name);
    free(x);
    free(live);
    free(high);
}

json_t *part_rate_series(json_t *document)
{
    return document_series(document, "Allocations per second", "time", "seconds",
                           "allocations per second", "count");
}

void part_rate_line(json_t *series, const struct profile *profile, const char *name)
{
    size_t count = profile->moment_count;
    double *x = memory_take(count, sizeof *x), *rate = memory_take(count, sizeof *rate);
    double seconds = 0;
    uint64_t allocations = 0;

    for (size_t i = 0; i < count; i++) {
        const struct profile_moment *moment = &profile->moments[i];
        double passed = moment->seconds - seconds;
        x[i] = moment->seconds;
        /* A last moment of no length has no rate of its own. */
        rate[i] = passed > 0 ? (double)(moment->allocations - allocations) / passed
                  : i > 0    ? rate[i - 1]
                             : 0;
        seconds = moment->seconds;
        allocations = moment->allocations;
    }
    document_line(series, name, x, rate, count);
    free(x);
    free(rate);
}

/*
 * --- histograms ---------------------------------------------------------------------------------
 */

/* Bars are four to a doubling: two bins each. */
static bool begins_bar(unsigned bin)
{
    uint64_t from = profile_bin_from(bin);

    return from < 8 || (from < 16 ? from % 2 == 0 : bin % 2 == 0);
}

void part_histogram(json_t *document, const struct profile *profile, enum part_histogram which,
                    const char *title)
{
    bool sizes = which == PART_SIZES;
    const uint64_t *blocks = sizes ? profile->size_blocks : profile->life_blocks;
    const uint64_t *bytes = sizes ? profile->size_bytes : profile->life_bytes;
    double scale = sizes ? 1 : 1e-9;
    json_t *histogram = document_histogram(document, title, sizes ? "size asked for" : "lifetime",
                                           sizes ? "bytes" : "seconds", true);
    unsigned first = 0, last = PROFILE_BINS;

    while (first < PROFILE_BINS && blocks[first] == 0)
        first++;
    while (last > first && blocks[last - 1] == 0)
        last--;
    while (first > 0 && first < last && !begins_bar(first))
        first--;
    for (unsigned bin = first; bin < last;) {
        unsigned from = bin;
        double count = 0, sum = 0;
        do {
            count += (double)blocks[bin];
            sum += (double)bytes[bin++];
        } while (bin < PROFILE_BINS && !begins_bar(bin));
        document_bin(histogram, (double)profile_bin_from(from) * scale,
                     (double)profile_bin_from(bin) * scale, count, sum);
    }
}

/*
 * --- the flame graph ----------------------------------------------------------------------------
 */

void part_flame_nodes(json_t *flame, struct call_tree *tree, unsigned metrics)
{
    call_tree_prune(tree, metrics, FLAME_NODES);
    for (size_t i = 0; i < tree->count; i++) {
        const struct call_node *node = &tree->nodes[i];
        char *name = fitted(call_tree_name(tree, i), FLAME_NAME);
        document_node(flame, i ? (int)node->parent : -1, name, node->own, metrics);
        free(name);
    }
}

char *part_process(const struct profile *profile, uint32_t process)
{
    const char *command = trace_process(profile->reader, process)->command;

    char *text = memory_format("process %u%s%s", process, *command ? ", " : "", command);
    text_make_line(text);
    return text;
}

char *part_difference_title(const struct profile *before, const struct profile *after)
{
    char *process = after->one_process ? memory_format(", process %u of each", after->process)
                                       : memory_copy("");
    char *title = memory_format("From %s to %s%s", text_basename(before->path),
                                text_basename(after->path), process);

    free(process);
    return title;
}

char *part_title(const struct profile *profile)
{
    const char *command = trace_info(profile->reader)->command;

    if (!profile->one_process || trace_processes(profile->reader) < 2)
        return memory_copy(command);
    char *process = part_process(profile, profile->process);
    char *title = memory_format("%s%s%s", command, *command ? ": " : "", process);
    free(process);
    return title;
}

char *part_place(const char *file, unsigned line, const char *module)
{
    if (file && line)
        return memory_format("%s:%u", text_basename(file), line);
    if (file)
        return memory_copy(text_basename(file));
    return memory_copy(text_basename(module));
}
