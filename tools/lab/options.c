/* SPDX-License-Identifier: MIT */
/*
 * Options of `cairn lab`: see options.h. Which allocators are meant is said in several ways that add
 * up: names, kinds of fit times kinds of coalescing, stacks as text, or all of them.
 */
#define _GNU_SOURCE
#include "lab/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"

enum { LIVE_BLOCKS = 256, SAMPLES = 200, TRACE_STEPS = 1000000 };

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

bool lab_size(const char *text, uint64_t *size, bool *has_unit)
{
    static const char units[] = "BKMG";
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno)
        return false;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    *has_unit = *end != '\0';
    if (*end == '\0') {
        *size = number;
        return true;
    }
    if (!unit || end[1] != '\0')
        return false;
    unsigned shift = 10 * (unsigned)(unit - units);
    *size = (uint64_t)number << shift;
    return number >> (46 - shift) == 0;
}

static bool read_size(const char *option, const char *text, uint64_t least, uint64_t most,
                      uint64_t *size)
{
    bool has_unit;

    if (lab_size(text, size, &has_unit) && *size >= least && *size <= most)
        return true;
    message("lab: --%s is a number from %llu to %llu (64, 4K, 2M), not '%s'", option,
            (unsigned long long)least, (unsigned long long)most, text);
    return false;
}

bool lab_sizes(const char *text, uint64_t *from, uint64_t *to)
{
    const char *dots = strstr(text, "..");
    char *first = dots ? strndup(text, (size_t)(dots - text)) : strdup(text);
    const char *second = dots ? dots + 2 : text;
    bool has_unit;

    bool good = first && lab_size(first, from, &has_unit) && lab_size(second, to, &has_unit) &&
                *from <= *to && *to > 0 && *to <= (uint64_t)1 << 32;
    free(first);
    if (!good)
        message("lab: --size is SIZE or FROM..TO, up to 4G (16..1K), not '%s'", text);
    return good;
}

bool lab_live(const char *text, struct pattern_request *pattern)
{
    if (lab_size(text, &pattern->live, &pattern->live_in_bytes) && pattern->live > 0)
        return true;
    message("lab: --live is a number of blocks, or of bytes with a unit (200, 64K), not '%s'",
            text);
    return false;
}

int lab_word(const char *what, const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    const char *nearest = message_nearest(word, words);
    if (nearest)
        message("lab: no %s '%s' (did you mean %s?)", what, word, nearest);
    else
        message("lab: no %s '%s' (see cairn lab run --help)", what, word);
    return -1;
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

static bool read_region(const char *text, size_t *region)
{
    uint64_t size;

    *region = 0;
    if (strcmp(text, "grow") == 0)
        return true;
    if (!read_size("region", text, 256, (uint64_t)1 << 36, &size))
        return false;
    *region = (size_t)size;
    return true;
}

enum {
    PATTERN = 256,
    ALLOCATOR,
    FIT,
    COALESCE,
    BUDDY,
    STACK,
    ALL,
    SIZE,
    LIVE,
    STEP_COUNT,
    SEED,
    REGION,
    PROBE,
    SAMPLE_COUNT,
    SHOW,
    AT,
    AUDIT,
    WATCH,
    JSON,
    HTML,
    COLOR,
    OVER
};

/* The options that say what is played. */
static bool take_plan(struct lab_options *options, int option, const char *value)
{
    struct experiment_plan *plan = &options->plan;
    uint64_t number;
    bool good = true;

    switch (option) {
    case PATTERN:
        plan->pattern.name = value;
        return true;
    case SIZE:
        return lab_sizes(value, &plan->pattern.from, &plan->pattern.to);
    case LIVE:
        return lab_live(value, &plan->pattern);
    case STEP_COUNT:
        good = read_size("steps", value, 1, 1000000000, &number);
        plan->pattern.steps = number;
        return good;
    case SEED:
        return read_size("seed", value, 0, (uint64_t)1 << 46, &plan->pattern.seed);
    case REGION:
        return read_region(value, &plan->region);
    case PROBE:
        return read_size("probe", value, 1, (uint64_t)1 << 36, &plan->probe);
    case SAMPLE_COUNT:
        good = read_size("samples", value, 1, 100000, &number);
        plan->samples = number;
        return good;
    default:
        plan->audit = true;
        return true;
    }
}

/* Those that say on what. */
static bool take_choice(struct lab_options *options, struct lists *lists, int option,
                        const char *value)
{
    switch (option) {
    case ALLOCATOR:
        return each_word(value, take_kind, options);
    case FIT:
        append(&lists->fit, value);
        return true;
    case COALESCE:
        append(&lists->coalesce, value);
        return true;
    case BUDDY:
        return take_kind(options, "buddy");
    case STACK:
        lab_options_choose(options, &(struct subject_choice){.kind = SUBJECT_STACK, .text = value});
        return true;
    default:
        options->all = true;
        return true;
    }
}

static bool take_at(struct lab_options *options, const char *value)
{
    static const char *const words[] = {"mean", "end", "worst", NULL};
    int word = lab_word("moment", value, words);

    options->at = (enum lab_at)word;
    return word >= 0;
}

/* Those that say how it is shown. */
static bool take_manner(struct lab_options *options, int option, const char *value)
{
    switch (option) {
    case SHOW:
        return each_word(value, take_metric, options);
    case AT:
        return take_at(options, value);
    case WATCH:
        options->watch = true;
        return true;
    case JSON:
        options->json = true;
        return true;
    case HTML:
        options->html = true;
        options->output = value;
        return true;
    case OVER:
        options->over = value;
        return true;
    case 'o':
        options->output = value;
        return true;
    case 'f':
        options->overwrite = true;
        return true;
    case 'h':
        options->help = true;
        return true;
    default:
        if (output_color_from(value, &options->color))
            return true;
        message("lab: --color is auto, always or never, not '%s'", value);
        return false;
    }
}

int lab_options_read(struct lab_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"pattern", required_argument, NULL, PATTERN},
        {"workload", required_argument, NULL, PATTERN},
        {"size", required_argument, NULL, SIZE},
        {"live", required_argument, NULL, LIVE},
        {"steps", required_argument, NULL, STEP_COUNT},
        {"seed", required_argument, NULL, SEED},
        {"region", required_argument, NULL, REGION},
        {"probe", required_argument, NULL, PROBE},
        {"samples", required_argument, NULL, SAMPLE_COUNT},
        {"audit", no_argument, NULL, AUDIT},
        {"allocator", required_argument, NULL, ALLOCATOR},
        {"fit", required_argument, NULL, FIT},
        {"coalesce", required_argument, NULL, COALESCE},
        {"buddy", no_argument, NULL, BUDDY},
        {"stack", required_argument, NULL, STACK},
        {"all", no_argument, NULL, ALL},
        {"metrics", required_argument, NULL, SHOW},
        {"at", required_argument, NULL, AT},
        {"over", required_argument, NULL, OVER},
        {"watch", no_argument, NULL, WATCH},
        {"json", no_argument, NULL, JSON},
        {"html", required_argument, NULL, HTML},
        {"color", required_argument, NULL, COLOR},
        {"output", required_argument, NULL, 'o'},
        {"overwrite", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct lists lists = {NULL, NULL};
    bool good = true;
    int option;

    *options = (struct lab_options){
        .plan =
            {.pattern = {.name = "random", .from = 16, .to = 1024, .live = LIVE_BLOCKS, .seed = 1},
             .region = SIZE_MAX,
             .probe = UINT64_MAX,
             .samples = SAMPLES},
    };
    opterr = 0;
    optind = 0; /* from the start: the command's own options were read before */
    while (good && (option = getopt_long(argc, argv, "+:o:fh", known, NULL)) != -1) {
        if (option == '?' || option == ':')
            return message_bad_option("lab", option, argv, known);
        if (option == PATTERN || option == AUDIT || (option >= SIZE && option <= SAMPLE_COUNT))
            good = take_plan(options, option, optarg);
        else if (option >= ALLOCATOR && option <= ALL)
            good = take_choice(options, &lists, option, optarg);
        else
            good = take_manner(options, option, optarg);
        if (options->help)
            return 0;
    }
    options->rest = argv + optind;
    good = good && finish(options, &lists);
    free(lists.fit);
    free(lists.coalesce);
    return good ? 0 : EXIT_OWN_ERROR;
}

void lab_options_fini(struct lab_options *options)
{
    free(options->choices);
    ops_fini(&options->plan.ops);
    *options = (struct lab_options){.count = 0};
}
