/* SPDX-License-Identifier: MIT */
/* `cairn lab run`: a pattern, played on one or more allocators; and `cairn lab ops`. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "message.h"
#include "own_memory.h"
#include "spawn.h"
#include "text.h"

static const char help[] =
    "Example:  cairn lab run --pattern sawtooth --fit first,best --coalesce immediate,never\n"
    "          cairn lab run --pattern random --size 16..4K --live 1M --all\n"
    "          cairn lab run --pattern generations --fit next --watch\n"
    "\n"
    "Usage: cairn lab run [OPTION...]\n"
    "What is played (cairn lab patterns)      --pattern P   --size FROM..TO   --live N|BYTES\n"
    "                                         --steps N     --seed S\n"
    "On what; these add up\n"
    "  --fit first,next,best,segregated       a free list with boundary tags, which\n"
    "  --coalesce immediate,deferred,never    merges free neighbours at once, in need, not\n"
    "  --allocator buddy,slab_set,heap,arena,bump,pool,slab,system       --buddy\n"
    "  --stack TEXT                           as in CAIRN_STACK: 'limited:1M(fit:best)'\n"
    "  --all                                  all fits, buddy, slab_set, heap\n"
    "  --region BYTES|grow                    the memory that each of them has\n"
    "How it is looked at (cairn lab metrics)\n"
    "  --probe BYTES     the large request that is tried; default: an eighth of the region\n"
    "  --samples N       moments looked at; default 200        --audit   checks every step\n"
    "  --metrics LIST    the columns of the table              --at mean|end|worst\n"
    "  --color WHEN      auto, always or never\n"
    "  --watch           the heap in the terminal, forwards and back\n"
    "  --json, --html FILE, -o FILE, -f       a document, a page; to FILE, even if it exists\n"
    "\n"
    "Sizes: 64, 4K, 2M. --live with a unit is bytes, else blocks. Blank: it cannot be known.\n"
    "Exit code: 0; 125 if cairn failed, or an allocator broke its contract.\n";

/* NULL after a message: one broke its contract, or none could begin. */
static struct experiment *run_all(const struct lab_options *options)
{
    struct experiment *experiments = memory_take(options->count, sizeof *experiments);
    struct lab_progress progress = {.start = spawn_clock()};
    size_t empty = 0;

    for (size_t i = 0; i < options->count; i++) {
        bool good = experiment_run(&experiments[i], &options->plan, &options->choices[i]);
        empty += experiments[i].is_empty;
        lab_progress(&progress, i + 1, options->count);
        if (good && empty < options->count)
            continue;
        for (size_t j = 0; j <= i; j++)
            experiment_fini(&experiments[j]);
        free(experiments);
        return NULL;
    }
    return experiments;
}

static void print_next(const struct lab_options *options, FILE *to)
{
    const char *pattern = options->plan.pattern.name;

    if (options->count == 1)
        fprintf(to,
                "next: cairn lab run --pattern %s --all; what each figure means: cairn lab "
                "metrics\n",
                pattern);
    else
        fprintf(to,
                "next: cairn lab run --pattern %s --fit best --watch; what each figure means: "
                "cairn lab metrics\n",
                pattern);
}

static void print(const struct lab_options *options, const struct experiment *experiments, FILE *to)
{
    bool color = output_wants_color(options->color, fileno(to));
    char *plan = lab_plan_text(&options->plan), bound[TEXT_SHORT];

    fprintf(to, "%s\n", plan);
    if (strcmp(options->plan.pattern.name, "robson") == 0)
        fprintf(to, "Robson's bound, which first fit cannot stay below: %s\n",
                text_bytes(bound, (double)pattern_robson_bound(&options->plan.pattern)));
    if (options->count == 1 && !options->chose_metrics) {
        fprintf(to, "on %s\n\n", experiments[0].name);
        lab_table_one(&experiments[0], to, color);
    } else {
        char *at = lab_at_text(options->at);
        fprintf(to, "%s\n\n", at);
        free(at);
        lab_table_several(experiments, options->count, options, to, color,
                          output_columns(fileno(to)));
    }
    fputc('\n', to);
    print_next(options, to);
    free(plan);
}

static bool report(const struct lab_options *options, const struct experiment *experiments,
                   struct output *output, char *const *command)
{
    if (options->json || options->html)
        return lab_document_write(
            lab_document(&options->plan, experiments, options->count, command), options, output);
    print(options, experiments, output_begin(output));
    return output_close(output);
}

static int run(struct lab_options *options, char *const *command)
{
    enum { FRAMES_ONE = 40, FRAMES_MANY = 12 };
    struct output output;

    if (!output_open(&output, options->output, options->overwrite, stdout))
        return EXIT_OWN_ERROR;
    if (options->json || options->html)
        options->plan.frames = options->count == 1 ? FRAMES_ONE : FRAMES_MANY;
    struct experiment *experiments = run_all(options);
    if (!experiments) {
        output_abandon(&output);
        return EXIT_OWN_ERROR;
    }
    bool written = report(options, experiments, &output, command);
    for (size_t i = 0; i < options->count; i++)
        experiment_fini(&experiments[i]);
    free(experiments);
    if (output.stream)
        output_abandon(&output);
    return written ? 0 : EXIT_OWN_ERROR;
}

/* Reads the options and makes the calls. 0, or an exit code after a message. */
static int prepare(struct lab_options *options, const char *page, int argc, char **argv)
{
    int result = lab_options_read(options, page, argc, argv);

    if (result != 0 || options->help)
        return result;
    if (*options->rest) {
        message("lab: '%s' is no option (see cairn lab run --help)", *options->rest);
        return EXIT_OWN_ERROR;
    }
    if (!pattern_make(&options->plan.ops, &options->plan.pattern))
        return EXIT_OWN_ERROR;
    experiment_settle(&options->plan);
    return 0;
}

int lab_run(int argc, char **argv)
{
    struct lab_options options;
    int result = prepare(&options, help, argc, argv);

    if (result || options.help) {
        lab_options_fini(&options);
        return result;
    }
    if (options.over) {
        message("lab: --over is for sweeps (see cairn lab sweep --help)");
        result = EXIT_OWN_ERROR;
    } else if (options.watch && (options.json || options.output)) {
        message("lab: --watch shows, and writes nothing: without --json, --html and -o");
        result = EXIT_OWN_ERROR;
    } else if (options.watch) {
        result = lab_watch(&options);
    } else {
        char **command = lab_command(argc, argv);
        result = run(&options, command);
        free(command);
    }
    lab_options_fini(&options);
    return result;
}

static const char ops_help[] =
    "Example:  cairn lab ops --pattern robson --live 64 --size 256 > calls\n"
    "          cairn lab run --pattern ops:calls --fit first --watch\n"
    "\n"
    "Usage: cairn lab ops [--pattern P] [--size FROM..TO] [--live N] [--steps N] [--seed S]\n"
    "                     [-o FILE] [-f]\n"
    "Prints the calls of a pattern, one a line, to be read, changed and played.\n";

static int write_ops(const struct lab_options *options)
{
    struct output output;

    if (!output_open(&output, options->output, options->overwrite, stdout))
        return EXIT_OWN_ERROR;
    ops_write(&options->plan.ops, output_begin(&output));
    return output_close(&output) ? 0 : EXIT_OWN_ERROR;
}

int lab_ops(int argc, char **argv)
{
    struct lab_options options;
    int result = prepare(&options, ops_help, argc, argv);

    if (result == 0 && !options.help)
        result = write_ops(&options);
    lab_options_fini(&options);
    return result;
}
