/* SPDX-License-Identifier: MIT */
/*
 * `cairn lab sweep`: the same experiment for every combination of some settings. Each setting that is
 * swept is a dimension, a list of values; the combinations are counted through like the digits of a
 * number, the last dimension fastest. sweep_report.c tells of them.
 */
#define _GNU_SOURCE
#include "lab/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "message.h"
#include "option_table.h"
#include "own_memory.h"
#include "spawn.h"
#include "text.h"

enum { CELLS_MOST = 10000 };

static const char help[] =
    "Example:  cairn lab sweep --over fit,coalesce --pattern sawtooth\n"
    "          cairn lab sweep --over fit,live=64/256/1024 --size 16..4K --json -o sweep.json\n"
    "          cairn lab sweep --over pattern --allocator buddy,slab_set\n"
    "\n"
    "Usage: cairn lab sweep --over DIMENSION[=VALUE/VALUE...][,DIMENSION...] [OPTION...]\n"
    "Plays every combination, and prints a line for each. Dimensions, and their usual values:\n"
    "\n"
    "  fit       first/next/best/segregated\n"
    "  coalesce  immediate/deferred/never\n"
    "  allocator fit/buddy/slab_set/heap\n"
    "  pattern   all of `cairn lab patterns`\n"
    "  size      16..64/16..256/16..1K/16..4K\n"
    "  live      64/256/1024                  blocks, or bytes with a unit\n"
    "  region    110/125/150/200/300          percent of the most live bytes; or sizes: 64K/1M\n"
    "  seed      1/2/3/4/5\n"
    "\n"
    "All other options are those of `cairn lab run`; they hold for every combination. Equal "
    "commands\n"
    "print equal figures. Exit code: 0; 125 if cairn failed.\n";

static const struct {
    const char *name, *values;
} usual[] = {
    [SWEEP_FIT] = {"fit", "first/next/best/segregated"},
    [SWEEP_COALESCE] = {"coalesce", "immediate/deferred/never"},
    [SWEEP_ALLOCATOR] = {"allocator", "fit/buddy/slab_set/heap"},
    [SWEEP_PATTERN] = {"pattern", "fixed/varying/random/cycles/sawtooth/generations/growth/robson"},
    [SWEEP_SIZE] = {"size", "16..64/16..256/16..1K/16..4K"},
    [SWEEP_LIVE] = {"live", "64/256/1024"},
    [SWEEP_REGION] = {"region", "110/125/150/200/300"},
    [SWEEP_SEED] = {"seed", "1/2/3/4/5"},
};

/* ---- what is swept ---- */

static void add_values(struct sweep_dimension *dimension, const char *values)
{
    char *rest = memory_copy(values), *all = rest, *value;

    while ((value = strsep(&rest, "/"))) {
        dimension->values = memory_resize(dimension->values, dimension->count + 1,
                                          sizeof *dimension->values);
        dimension->values[dimension->count++] = memory_copy(value);
    }
    free(all);
}

static bool add_dimension(struct sweep *sweep, char *text)
{
    const char *names[SWEEP_KINDS + 1] = {NULL};
    char *values = strchr(text, '=');

    if (values)
        *values++ = '\0';
    for (size_t i = 0; i < SWEEP_KINDS; i++)
        names[i] = usual[i].name;
    int kind = lab_word("dimension", text, names);
    if (kind < 0)
        return false;
    for (size_t i = 0; i < sweep->dimension_count; i++)
        if (sweep->dimensions[i].kind == (enum sweep_kind)kind) {
            message("lab: --over has %s twice", text);
            return false;
        }
    struct sweep_dimension *dimension = &sweep->dimensions[sweep->dimension_count++];
    *dimension = (struct sweep_dimension){.kind = (enum sweep_kind)kind, .name = usual[kind].name};
    add_values(dimension, values ? values : usual[kind].values);
    return true;
}

static bool read_dimensions(struct sweep *sweep, const char *over)
{
    char *rest = memory_copy(over), *all = rest, *text;
    bool good = true;

    while (good && (text = strsep(&rest, ",")))
        good = add_dimension(sweep, text);
    free(all);
    sweep->cells = 1;
    for (size_t i = 0; i < sweep->dimension_count && good; i++) {
        sweep->cells *= sweep->dimensions[i].count;
        if (sweep->cells * sweep->options->count > CELLS_MOST) {
            message("lab: these are more than %d combinations", CELLS_MOST);
            good = false;
        }
    }
    return good;
}

/* Every line has the allocator's name; a dimension of it would say the same again. */
bool sweep_has(const struct sweep *sweep, enum sweep_kind kind)
{
    for (size_t i = 0; i < sweep->dimension_count; i++)
        if (sweep->dimensions[i].kind == kind)
            return true;
    return false;
}

const char *sweep_value(const struct sweep *sweep, size_t cell, size_t dimension)
{
    for (size_t i = sweep->dimension_count; i-- > dimension + 1;)
        cell /= sweep->dimensions[i].count;
    return sweep->dimensions[dimension].values[cell % sweep->dimensions[dimension].count];
}

/* ---- a combination ---- */

/* What a combination makes of the options. */
struct setting {
    struct pattern_request pattern;
    struct subject_choice choice;
    size_t region;
    uint64_t percent; /* of the most live bytes; 0: the region holds */
};

static bool set_choice(struct setting *setting, enum sweep_kind kind, const char *value)
{
    int word;

    switch (kind) {
    case SWEEP_FIT:
        word = lab_word("kind of fit", value, subject_strategies);
        setting->choice.kind = SUBJECT_FIT;
        setting->choice.strategy = (enum cairn_fit_strategy)word;
        return word >= 0;
    case SWEEP_COALESCE:
        word = lab_word("kind of coalescing", value, subject_coalescings);
        setting->choice.coalescing = (enum cairn_fit_coalescing)word;
        return word >= 0;
    default:
        word = lab_word("allocator", value, subject_kinds);
        setting->choice.kind = (enum subject_kind)word;
        return word >= 0;
    }
}

static bool set_region(struct setting *setting, const char *value)
{
    uint64_t size;
    bool has_unit;

    if (!option_size(value, &size, &has_unit) || size == 0 ||
        (has_unit ? size < 256 : size > 10000)) {
        message("lab: a region is percents of the most live bytes, or a size with a unit (150, "
                "64K), not '%s'",
                value);
        return false;
    }
    setting->percent = has_unit ? 0 : size;
    setting->region = has_unit ? (size_t)size : 0;
    return true;
}

static bool set_seed(struct setting *setting, const char *value)
{
    bool has_unit;

    if (option_size(value, &setting->pattern.seed, &has_unit) && !has_unit)
        return true;
    message("lab: a seed is a number, not '%s'", value);
    return false;
}

static bool set(struct setting *setting, enum sweep_kind kind, const char *value)
{
    switch (kind) {
    case SWEEP_PATTERN:
        setting->pattern.name = value;
        return pattern_exists(value);
    case SWEEP_SIZE:
        return lab_sizes(value, &setting->pattern.from, &setting->pattern.to);
    case SWEEP_LIVE:
        return lab_live(value, &setting->pattern);
    case SWEEP_REGION:
        return set_region(setting, value);
    case SWEEP_SEED:
        return set_seed(setting, value);
    default:
        return set_choice(setting, kind, value);
    }
}

static bool play_cell(struct sweep *sweep, size_t cell, size_t choice)
{
    const struct experiment_plan *common = &sweep->options->plan;
    struct setting setting = {.pattern = common->pattern,
                              .choice = sweep->options->choices[choice],
                              .region = common->region};
    struct experiment_plan plan = *common;
    bool good = true;

    for (size_t i = 0; i < sweep->dimension_count && good; i++)
        good = set(&setting, sweep->dimensions[i].kind, sweep_value(sweep, cell, i));
    if (!good)
        return false;
    plan.pattern = setting.pattern;
    plan.region = setting.region;
    if (!pattern_make(&plan.ops, &plan.pattern))
        return false;
    if (setting.percent)
        plan.region = (size_t)(plan.ops.peak_bytes * setting.percent / 100 + 1024);
    experiment_settle(&plan);
    good = experiment_run(&sweep->experiments[cell * sweep->options->count + choice], &plan,
                          &setting.choice);
    ops_fini(&plan.ops);
    return good;
}

/* ---- all of them ---- */

static bool play_all(struct sweep *sweep)
{
    size_t choices = sweep->options->count, all = sweep->cells * choices;
    struct lab_progress progress = {.start = spawn_clock()};

    sweep->experiments = memory_take(all, sizeof *sweep->experiments);
    for (size_t i = 0; i < all; i++) {
        if (!play_cell(sweep, i / choices, i % choices))
            return false;
        lab_progress(&progress, i + 1, all);
    }
    return true;
}

/* With kinds of fit swept, the usual five allocators are not meant. */
static void settle_choices(struct lab_options *options, const struct sweep *sweep)
{
    bool is_of_fit = sweep_has(sweep, SWEEP_FIT) || sweep_has(sweep, SWEEP_COALESCE);

    if (!options->chose_allocators && (is_of_fit || sweep_has(sweep, SWEEP_ALLOCATOR))) {
        options->count = 1;
        options->choices[0] = (struct subject_choice){.kind = SUBJECT_FIT,
                                                      .strategy = CAIRN_FIT_BEST};
    }
}

/* Kinds of fit are of fit: what is swept must not undo what was chosen. False after a message. */
static bool fits_together(const struct lab_options *options, const struct sweep *sweep)
{
    const char *swept = sweep_has(sweep, SWEEP_FIT)        ? "fit"
                        : sweep_has(sweep, SWEEP_COALESCE) ? "coalesce"
                                                           : NULL;

    if (swept && sweep_has(sweep, SWEEP_ALLOCATOR)) {
        message("lab: --over %s is about fit alone, so it does not go with --over allocator",
                swept);
        return false;
    }
    for (size_t i = 0; swept && i < options->count; i++)
        if (options->choices[i].kind != SUBJECT_FIT) {
            message("lab: --over %s is about fit alone, not about other allocators", swept);
            return false;
        }
    return true;
}

static bool run(struct sweep *sweep, struct lab_options *options, char *const *command)
{
    struct output output;

    if (!output_open(&output, options->output, options->overwrite, stdout))
        return false;
    if (!play_all(sweep)) {
        output_abandon(&output);
        return false;
    }
    bool good;
    if (options->json || options->html) {
        good = lab_document_write(sweep_document(sweep, command), options, &output);
    } else {
        sweep_print(sweep, output_begin(&output));
        good = output_close(&output);
    }
    if (output.stream)
        output_abandon(&output);
    return good;
}

static void fini(struct sweep *sweep)
{
    for (size_t i = 0; sweep->experiments && i < sweep->cells * sweep->options->count; i++)
        experiment_fini(&sweep->experiments[i]);
    free(sweep->experiments);
    for (size_t i = 0; i < sweep->dimension_count; i++) {
        for (size_t j = 0; j < sweep->dimensions[i].count; j++)
            free(sweep->dimensions[i].values[j]);
        free(sweep->dimensions[i].values);
    }
}

int lab_sweep(int argc, char **argv)
{
    struct lab_options options;
    struct sweep sweep = {.options = &options};
    int result = lab_options_read(&options, help, argc, argv);

    bool goes_on = result == 0 && !options.help;
    if (goes_on && (!options.over || options.watch || *options.rest)) {
        message("lab: a sweep needs --over, has no --watch, and takes no words besides (see cairn "
                "lab sweep --help)");
        result = EXIT_OWN_ERROR;
    } else if (goes_on) {
        bool good = read_dimensions(&sweep, options.over);
        if (good)
            settle_choices(&options, &sweep);
        good = good && fits_together(&options, &sweep);
        char **command = lab_command(argc, argv);
        good = good && run(&sweep, &options, command);
        free(command);
        result = good ? 0 : EXIT_OWN_ERROR;
        fini(&sweep);
    }
    lab_options_fini(&options);
    return result;
}
