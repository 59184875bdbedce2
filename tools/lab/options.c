/* SPDX-License-Identifier: MIT */
/*
 * Options of `cairn lab`: see options.h. Which allocators are meant is said in several ways that add
 * up: names, kinds of fit times kinds of coalescing, stacks as text, or all of them.
 */
#define _GNU_SOURCE
#include "lab/options.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "option_table.h"
#include "own_memory.h"

enum { LIVE_BLOCKS = 256, SAMPLES = 200, TRACE_STEPS = 1000000 };

#define REGION_MOST (UINT64_C(1) << 36)

/* Lists of fit and coalescing, until all options are read. */
struct lists {
    char *fit, *coalesce; /* NULL: not said */
};

static void append(char **list, const char *words)
{
    char *longer = *list ? memory_format("%s,%s", *list, words) : memory_copy(words);

    free(*list);
    *list = longer;
}

bool lab_sizes(const char *text, uint64_t *from, uint64_t *to)
{
    const char *dots = strstr(text, "..");
    char *first = dots ? strndup(text, (size_t)(dots - text)) : strdup(text);
    const char *second = dots ? dots + 2 : text;
    bool has_unit;

    bool good = first && option_size(first, from, &has_unit) &&
                option_size(second, to, &has_unit) && *from <= *to && *to > 0 &&
                *to <= (uint64_t)1 << 32;
    free(first);
    if (!good)
        message("lab: --size is SIZE or FROM..TO, up to 4G (16..1K), not '%s'", text);
    return good;
}

bool lab_live(const char *text, struct pattern_request *pattern)
{
    if (option_size(text, &pattern->live, &pattern->live_in_bytes) && pattern->live > 0)
        return true;
    message("lab: --live is a number of blocks, or of bytes with a unit (200, 64K), not '%s'",
            text);
    return false;
}

int lab_word(const char *what, const char *word, const char *const *words)
{
    return option_word("lab", what, word, words, "cairn lab run --help");
}

void lab_options_choose(struct lab_options *options, const struct subject_choice *choice)
{
    options->choices = memory_resize(options->choices, options->count + 1,
                                     sizeof *options->choices);
    options->choices[options->count++] = *choice;
}

/* Calls `take` for each part of a list with commas; false as soon as it says so. */
static bool each_word(const char *list, bool (*take)(struct lab_options *options, const char *word),
                      struct lab_options *options)
{
    char *copy = memory_copy(list), *rest = copy, *word;
    bool good = true;

    while (good && (word = strsep(&rest, ",")))
        good = take(options, word);
    free(copy);
    return good;
}

static bool take_metric(struct lab_options *options, const char *word)
{
    const char *names[METRICS + 1] = {NULL};

    for (size_t i = 0; i < METRICS; i++)
        names[i] = metric_definitions[i].name;
    int metric = lab_word("metric", word, names);
    if (metric < 0)
        return false;
    options->metrics[metric] = options->chose_metrics = true;
    return true;
}

static bool take_kind(struct lab_options *options, const char *word)
{
    struct subject_choice choice = {.strategy = CAIRN_FIT_BEST};
    int kind = lab_word("allocator", word, subject_kinds);

    choice.kind = (enum subject_kind)kind;
    if (kind >= 0)
        lab_options_choose(options, &choice);
    return kind >= 0;
}

/* The product of two lists; either may be NULL, for its usual word. */
static bool take_fits(struct lab_options *options, const char *fit_list, const char *way_list)
{
    char *fits = memory_copy(fit_list ? fit_list : "best"), *fits_rest = fits, *fit;
    bool good = true;

    while (good && (fit = strsep(&fits_rest, ","))) {
        int strategy = lab_word("kind of fit", fit, subject_strategies);
        char *ways = memory_copy(way_list ? way_list : "immediate");
        char *rest = ways, *way;
        good = strategy >= 0;
        while (good && (way = strsep(&rest, ","))) {
            int coalescing = lab_word("kind of coalescing", way, subject_coalescings);
            struct subject_choice choice = {
                .kind = SUBJECT_FIT,
                .strategy = (enum cairn_fit_strategy)strategy,
                .coalescing = (enum cairn_fit_coalescing)coalescing,
            };
            good = coalescing >= 0;
            if (good)
                lab_options_choose(options, &choice);
        }
        free(ways);
    }
    free(fits);
    return good;
}

static void take_all(struct lab_options *options)
{
    static const enum subject_kind others[] = {SUBJECT_BUDDY, SUBJECT_SLAB_SET, SUBJECT_HEAP};

    take_fits(options, "first,next,best,segregated", "immediate,deferred,never");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        lab_options_choose(options, &(struct subject_choice){.kind = others[i]});
}

/* If none was named: the four kinds of fit, and the buddy system. */
static void take_usual(struct lab_options *options)
{
    take_fits(options, "first,next,best,segregated", NULL);
    lab_options_choose(options, &(struct subject_choice){.kind = SUBJECT_BUDDY});
}

/* The fits come first, whatever the order of the words. */
static bool take_fits_first(struct lab_options *options, const struct lists *lists)
{
    struct subject_choice *others = options->choices;
    size_t count = options->count;
    bool good = true;

    options->choices = NULL;
    options->count = 0;
    if (lists->fit || lists->coalesce)
        good = take_fits(options, lists->fit, lists->coalesce);
    for (size_t i = 0; i < count; i++)
        lab_options_choose(options, &others[i]);
    free(others);
    return good;
}

static bool finish(struct lab_options *options, const struct lists *lists)
{
    struct pattern_request *pattern = &options->plan.pattern;
    bool is_trace = strncmp(pattern->name, "trace:", 6) == 0;

    if (pattern->steps == 0 && is_trace)
        pattern->steps = TRACE_STEPS;
    if (!take_fits_first(options, lists))
        return false;
    if (options->all)
        take_all(options);
    options->chose_allocators = options->count > 0;
    if (options->count == 0)
        take_usual(options);
    return pattern_exists(pattern->name);
}

/* ---- single options ---- */

/* What they are put into. */
struct reading {
    struct lab_options *options;
    struct lists lists;
};

static bool take_size(void *context, const char *value)
{
    struct reading *reading = context;
    struct pattern_request *pattern = &reading->options->plan.pattern;

    return lab_sizes(value, &pattern->from, &pattern->to);
}

static bool take_live(void *context, const char *value)
{
    struct reading *reading = context;

    return lab_live(value, &reading->options->plan.pattern);
}

static bool take_allocators(void *context, const char *value)
{
    struct reading *reading = context;

    return each_word(value, take_kind, reading->options);
}

static bool take_buddy(void *context, const char *none)
{
    struct reading *reading = context;

    (void)none;
    return take_kind(reading->options, "buddy");
}

static bool take_stack(void *context, const char *value)
{
    struct reading *reading = context;

    lab_options_choose(reading->options,
                       &(struct subject_choice){.kind = SUBJECT_STACK, .text = value});
    return true;
}

static bool take_fit(void *context, const char *value)
{
    struct reading *reading = context;

    append(&reading->lists.fit, value);
    return true;
}

static bool take_coalescing(void *context, const char *value)
{
    struct reading *reading = context;

    append(&reading->lists.coalesce, value);
    return true;
}

static bool take_metrics(void *context, const char *value)
{
    struct reading *reading = context;

    return each_word(value, take_metric, reading->options);
}

static bool take_html(void *context, const char *value)
{
    struct reading *reading = context;

    reading->options->html = true;
    reading->options->output = value;
    return true;
}

static bool take_region(void *context, const char *value)
{
    struct reading *reading = context;
    bool grows = strcmp(value, "grow") == 0, has_unit;
    uint64_t size = 0;

    if (!grows && (!option_size(value, &size, &has_unit) || size < 256 || size > REGION_MOST)) {
        message("lab: --region is grow, or a number from 256 to 64G, not '%s'", value);
        return false;
    }
    reading->options->plan.region = (size_t)size;
    return true;
}

int lab_options_read(struct lab_options *options, const char *help, int argc, char **argv)
{
    static const char *const moments[] = {"mean", "end", "worst", NULL};
    struct experiment_plan *plan = &options->plan;
    const struct option_row rows[] = {
        {"pattern", .text = &plan->pattern.name},
        {"workload", .is_alias = true},
        {"size", .take = take_size},
        {"live", .take = take_live},
        {"steps", .size = &plan->pattern.steps, .least = 1, .most = 1000000000},
        {"seed", .size = &plan->pattern.seed, .most = UINT64_C(1) << 46},
        {"region", .take = take_region},
        {"probe", .size = &plan->probe, .least = 1, .most = REGION_MOST},
        {"samples", .size = &plan->samples, .least = 1, .most = 100000},
        {"audit", .flag = &plan->audit},
        {"allocator", .take = take_allocators},
        {"fit", .take = take_fit},
        {"coalesce", .take = take_coalescing},
        {"buddy", .take = take_buddy, .is_bare = true},
        {"stack", .take = take_stack},
        {"all", .flag = &options->all},
        {"metrics", .take = take_metrics},
        {"at", .choice = &options->at, .words = moments},
        {"over", .text = &options->over},
        {"watch", .flag = &options->watch},
        {"json", .flag = &options->json},
        {"html", .take = take_html},
        {"color", .choice = &options->color, .words = option_colors},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {.name = NULL},
    };
    struct reading reading = {.options = options};
    const struct option_form form = {.verb = "lab",
                                     .help = help,
                                     .helped = &options->help,
                                     .rows = rows,
                                     .context = &reading,
                                     .is_ended_by_word = true};

    *options = (struct lab_options){
        .plan =
            {.pattern = {.name = "random", .from = 16, .to = 1024, .live = LIVE_BLOCKS, .seed = 1},
             .region = SIZE_MAX,
             .probe = UINT64_MAX,
             .samples = SAMPLES},
    };
    int result = option_table_read(&form, argc, argv, &options->rest);
    if (result == 0 && !options->help && !finish(options, &reading.lists))
        result = EXIT_OWN_ERROR;
    free(reading.lists.fit);
    free(reading.lists.coalesce);
    return result;
}

void lab_options_fini(struct lab_options *options)
{
    free(options->choices);
    ops_fini(&options->plan.ops);
    *options = (struct lab_options){.count = 0};
}
