/* SPDX-License-Identifier: MIT */
/*
 * What the figures of a comparison amount to: see compare.h. Runs that failed take no part, nor do
 * rounds in which one of a pair failed. Outputs are compared with the baseline's first good run;
 * where the baseline itself writes now this and now that, nothing can be said about the others.
 */
#include "compare.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

static unsigned all_rounds(const struct comparison *comparison)
{
    return comparison->warm_ups + comparison->rounds;
}

static double value_of(const struct figures *figures, enum metric metric)
{
    switch (metric) {
    case METRIC_TIME:
        return figures->wall;
    case METRIC_CPU:
        return figures->user + figures->system;
    case METRIC_RSS:
        return (double)figures->peak_rss;
    case METRIC_INSTRUCTIONS:
        return (double)figures->instructions;
    default:
        return (double)(figures->minor_faults + figures->major_faults);
    }
}

struct interval compare_ratio(const struct comparison *comparison, const struct entrant *a,
                              const struct entrant *b, enum metric metric)
{
    double *ratios = memory_take(comparison->rounds, sizeof *ratios);
    size_t count = 0;

    for (unsigned r = comparison->warm_ups; r < all_rounds(comparison); r++) {
        double below = value_of(&b->runs[r], metric);
        double above = value_of(&a->runs[r], metric);
        if (a->runs[r].good && b->runs[r].good && below > 0 && above >= 0)
            ratios[count++] = above / below;
    }
    struct interval result = statistics_interval(ratios, count);
    free(ratios);
    return result;
}

static struct interval values(const struct comparison *comparison, const struct entrant *entrant,
                              enum metric metric)
{
    double *list = memory_take(comparison->rounds, sizeof *list);
    size_t count = 0;

    for (unsigned r = comparison->warm_ups; r < all_rounds(comparison); r++)
        if (entrant->runs[r].good && value_of(&entrant->runs[r], metric) >= 0)
            list[count++] = value_of(&entrant->runs[r], metric);
    struct interval result = statistics_interval(list, count);
    free(list);
    return result;
}

static bool same_output(const struct figures *a, const struct figures *b)
{
    return a->digest == b->digest && a->output_size == b->output_size;
}

static void compare_outputs(struct comparison *comparison)
{
    struct entrant *baseline = &comparison->entrants[comparison->baseline];
    const struct figures *reference = NULL;

    for (unsigned r = 0; r < all_rounds(comparison); r++) {
        if (!baseline->runs[r].good)
            continue;
        if (!reference)
            reference = &baseline->runs[r];
        if (!same_output(reference, &baseline->runs[r]))
            comparison->output_varies = true;
    }
    for (size_t i = 0; i < comparison->count && reference && !comparison->output_varies; i++) {
        struct entrant *entrant = &comparison->entrants[i];
        for (unsigned r = 0; r < all_rounds(comparison); r++)
            if (entrant->runs[r].good && !same_output(reference, &entrant->runs[r]))
                entrant->differing++;
    }
}

static void count_runs(const struct comparison *comparison, struct entrant *entrant)
{
    for (unsigned r = 0; r < all_rounds(comparison); r++) {
        const struct figures *figures = &entrant->runs[r];
        if (figures->done && !figures->good) {
            entrant->failed++;
            if (!entrant->first_failure)
                entrant->first_failure = figures;
        }
        entrant->good += r >= comparison->warm_ups && figures->good;
    }
}

void compare_summarize(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++) {
        struct entrant *entrant = &comparison->entrants[i];
        count_runs(comparison, entrant);
        for (enum metric metric = 0; metric < METRICS; metric++) {
            entrant->values[metric] = values(comparison, entrant, metric);
            entrant->ratios[metric] = compare_ratio(
                comparison, entrant, &comparison->entrants[comparison->baseline], metric);
        }
    }
    compare_outputs(comparison);
}

const struct entrant *compare_least(const struct comparison *comparison, enum metric metric)
{
    const struct entrant *least = NULL;

    for (size_t i = 0; i < comparison->count; i++) {
        const struct entrant *entrant = &comparison->entrants[i];
        if (entrant->good > 0 &&
            (!least || entrant->values[metric].median < least->values[metric].median))
            least = entrant;
    }
    return least;
}

/*
 * --- the verdict --------------------------------------------------------------------------------
 */

/* Appends to a text that is kept in `*text`, and frees what it appends. */
static void append(char **text, char *more)
{
    char *longer = memory_format("%s%s", *text, more);
    free(*text);
    free(more);
    *text = longer;
}

/* Who cannot be told from the least within noise: ", level with it a, b". */
static char *level_with(const struct comparison *comparison, const struct entrant *least,
                        enum metric metric)
{
    char *names = memory_copy("");
    size_t count = 0;

    for (size_t i = 0; i < comparison->count; i++) {
        const struct entrant *other = &comparison->entrants[i];
        if (other == least || other->good == 0)
            continue;
        struct interval ratio = compare_ratio(comparison, other, least, metric);
        if (statistics_side(&ratio, 1) == SIDE_NOISE)
            append(&names, memory_format("%s%s", count++ ? ", " : "", other->allocator->name));
    }
    if (count == 0)
        return names;
    char *phrase = memory_format(" (within noise of it: %s)", names);
    free(names);
    return phrase;
}

/* "12 % less time", "2.3 times the memory" */
static char *difference(const struct interval *ratio, const char *what)
{
    double percent = (ratio->median - 1) * 100;
    enum statistics_side side = statistics_side(ratio, 1);

    if (ratio->count == 0)
        return memory_format("no figure for %s", what);
    if (side == SIDE_NOISE)
        return memory_format("no difference in %s outside noise", what);
    if (ratio->median >= 2)
        return memory_format("%.1f times the %s", ratio->median, what);
    if (percent > -0.5 && percent < 0.5)
        return memory_format("the same %s", what);
    return memory_format("%.0f %% %s %s", percent < 0 ? -percent : percent,
                         percent < 0 ? "less" : "more", what);
}

static char *differences(const struct entrant *entrant)
{
    const struct interval *time = &entrant->ratios[METRIC_TIME];
    const struct interval *memory = &entrant->ratios[METRIC_RSS];

    if (statistics_side(time, 1) == SIDE_NOISE && statistics_side(memory, 1) == SIDE_NOISE)
        return memory_copy("no difference in time or memory outside noise");
    char *text = difference(time, "time");
    append(&text, memory_copy(", "));
    append(&text, difference(memory, "memory"));
    return text;
}

static const struct entrant *cairn_of(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->entrants[i].allocator->is_cairn)
            return &comparison->entrants[i];
    return NULL;
}

char *compare_verdict(const struct comparison *comparison)
{
    const struct entrant *baseline = &comparison->entrants[comparison->baseline];
    const struct entrant *fastest = compare_least(comparison, METRIC_TIME);
    const struct entrant *smallest = compare_least(comparison, METRIC_RSS);
    const struct entrant *cairn = cairn_of(comparison);
    size_t measured = 0;

    for (size_t i = 0; i < comparison->count; i++)
        measured += comparison->entrants[i].good > 0;
    if (measured < 2)
        return memory_copy("");
    if (fastest->values[METRIC_TIME].count < STATISTICS_FEWEST)
        return memory_copy("Too few rounds for a verdict: differences cannot be told from noise.");
    char *verdict = memory_format("Fastest: %s", fastest->allocator->name);
    append(&verdict, level_with(comparison, fastest, METRIC_TIME));
    append(&verdict, memory_format("; smallest: %s", smallest->allocator->name));
    append(&verdict, level_with(comparison, smallest, METRIC_RSS));
    append(&verdict, memory_copy("."));
    if (cairn && cairn != baseline && cairn->good > 0 && baseline->good > 0) {
        append(&verdict, memory_format(" Cairn against %s: ", baseline->allocator->name));
        append(&verdict, differences(cairn));
        append(&verdict, memory_copy("."));
    }
    return verdict;
}
