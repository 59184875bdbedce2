/* SPDX-License-Identifier: MIT */
/*
 * `cairn compare`: the same program under every allocator on this machine. This file puts
 * the parts in order; compare_entrants.c finds out who can take part, compare_rounds.c runs, compare_summary.c judges,
 * compare_output.c and compare_record.c tell.
 */
#define _GNU_SOURCE
#include "compare.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare_options.h"
#include "message.h"
#include "output.h"
#include "own_memory.h"
#include "text.h"
#include "verbs.h"

enum { MORE_ROUNDS = 4 }; /* times as many make an interval half as wide */

/*
 * --- the end ------------------------------------------------------------------------------------
 */

static bool report(const struct comparison *comparison, const struct compare_options *options,
                   struct output *output)
{
    FILE *to = output_begin(output);
    bool color = output_wants_color(options->color, fileno(to));

    switch (options->format) {
    case FORMAT_TABLE:
        compare_print(comparison, to, color);
        break;
    case FORMAT_JSON:
        compare_print_json(comparison, to);
        break;
    case FORMAT_CSV:
        compare_print_csv(comparison, to);
        break;
    }
    bool written = output_close(output);
    if (written && options->output && options->format != FORMAT_TABLE) {
        compare_print(comparison, stdout, output_wants_color(options->color, STDOUT_FILENO));
        printf("written to %s\n", options->output);
    }
    return written;
}

/* The first run's failure stands for all. */
static void tell_all_failed(const struct comparison *comparison)
{
    const struct entrant *entrant = &comparison->entrants[comparison->baseline];
    const struct figures *figures = &entrant->runs[0];
    const char *words = entrant->failure_note;
    char signal[TEXT_SHORT];

    if (figures->signal)
        message("%s was killed by %s under every allocator%s%s", comparison->argv[0],
                text_signal(signal, figures->signal), words ? "; " : "", words ? words : "");
    else
        message("%s exits %d under every allocator (-i takes that for success)%s%s",
                comparison->argv[0], figures->exit_code, words ? "; " : "", words ? words : "");
}

static int exit_code_of(const struct comparison *comparison)
{
    if (comparison->interrupted)
        return EXIT_SIGNAL + comparison->interrupted;
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->entrants[i].failed || comparison->entrants[i].differing)
            return EXIT_DIFFERS;
    return 0;
}

/* Tries the allocators, runs the rounds, reports. Returns the exit code. */
static int compare(struct comparison *comparison, const struct compare_options *options,
                   struct allocator_list *list, struct input *input, struct output *output)
{
    struct spawner spawner;
    double load[1] = {0};
    int exit_code = EXIT_OWN_ERROR;

    if (!spawn_open(&spawner, SPAWN_STOP))
        return EXIT_OWN_ERROR;
    if (getloadavg(load, 1) == 1)
        comparison->load = load[0];
    allocators_try(list, &spawner);
    if (spawn_interrupted(&spawner)) {
        exit_code = EXIT_SIGNAL + spawner.interrupted;
    } else if (compare_enter(comparison, list, options->baseline)) {
        switch (compare_rounds(comparison, &spawner, input, &exit_code)) {
        case COMPARE_ALL_FAILED:
            tell_all_failed(comparison);
            exit_code = EXIT_DIFFERS;
            break;
        case COMPARE_DONE:
            compare_summarize(comparison);
            if (comparison->interrupted && !compare_least(comparison, METRIC_TIME)) {
                message("interrupted before anything was measured");
                exit_code = EXIT_SIGNAL + comparison->interrupted;
                break;
            }
            exit_code = report(comparison, options, output) ? exit_code_of(comparison)
                                                            : EXIT_OWN_ERROR;
            break;
        default:
            break;
        }
    }
    spawn_close(&spawner);
    compare_leave(comparison);
    return exit_code;
}

/* The program can be found, and preloaded into. 0, or an exit code after a message. */
static int find_program(const struct compare_options *options, const struct allocator_list *list,
                        struct program *program)
{
    const char *name = options->argv[0], *library = "/proc/self/exe";
    char *path;

    int result = program_find(name, &path);
    if (result)
        return result;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].path)
            library = list->items[i].path;
    program_judge(program, path, library);
    if (program->exit_code == EXIT_NOT_EXECUTABLE)
        message("%s cannot be executed: it is %s", name, program->reason);
    else if (program->exit_code)
        message("%s cannot be given another allocator: it is %s", name, program->reason);
    return program->exit_code;
}

static int run_comparison(const struct compare_options *options, const char *invocation,
                          const char *again, struct allocator_list *list)
{
    struct program program = {.path = NULL};
    struct output output;
    struct input input;
    bool table_on_stdout = options->format == FORMAT_TABLE || options->output;
    struct comparison comparison = {
        .argv = options->argv,
        .invocation = invocation,
        .again = again,
        .rounds = (unsigned)options->rounds,
        .warm_ups = (unsigned)options->warm_ups,
        .seed = options->seed,
        .ignore_exit = options->ignore_exit,
        .verbose = options->verbose,
        .show_output = !options->show_output ? -1
                       : table_on_stdout     ? STDOUT_FILENO
                                             : STDERR_FILENO,
        .program = &program,
    };

    int result = find_program(options, list, &program);
    if (result == 0 && !output_open(&output, options->output, options->overwrite, stdout)) {
        result = EXIT_OWN_ERROR;
    } else if (result == 0) {
        result = EXIT_OWN_ERROR;
        if (input_open(&input)) {
            result = compare(&comparison, options, list, &input, &output);
            input_close(&input);
        }
        if (output.stream)
            output_abandon(&output);
    }
    program_fini(&program);
    return result;
}

int compare_main(int argc, char **argv)
{
    struct compare_options options;
    struct allocator_list list;

    int result = compare_options_read(&options, argc, argv);
    if (result || options.help)
        return result;
    if (options.allocators && strcmp(options.allocators, "list") == 0)
        return allocators_list(options.library);
    if (!*options.argv) {
        message("compare: which program? (see cairn compare --help)");
        return EXIT_OWN_ERROR;
    }
    const char *loaded = allocators_in_preload(getenv("LD_PRELOAD"));
    if (loaded) {
        message("LD_PRELOAD loads %s already, into every run: unset it to compare", loaded);
        return EXIT_OWN_ERROR;
    }
    if (!compare_choose(options.allocators ? options.allocators : "all", options.baseline,
                        options.library, &list)) {
        allocators_free(&list);
        return EXIT_OWN_ERROR;
    }
    char *arguments = text_command(argv, 0), *invocation = memory_format("cairn %s", arguments);
    unsigned more = (unsigned)options.rounds * MORE_ROUNDS;
    char *again = compare_options_again(argv, (int)(options.argv - argv), more,
                                        output_columns(STDOUT_FILENO) - sizeof "next: cairn");
    result = run_comparison(&options, invocation, again, &list);
    free(again);
    free(invocation);
    free(arguments);
    allocators_free(&list);
    return result;
}
