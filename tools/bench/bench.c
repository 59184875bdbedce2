/* SPDX-License-Identifier: MIT */
/*
 * `cairn bench`: the suite under every allocator on this machine. This file puts the parts in order
 * and divides the time: each program may use an equal share of what is left of it, and gets fewer
 * rounds when its share is short, but always one.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "output.h"
#include "own_memory.h"
#include "text.h"
#include "verbs.h"

enum { FULL_ROUNDS = 5, QUICK_ROUNDS = 3 };
static const double full_seconds = 1380, quick_seconds = 100;       /* for all programs together */
static const double full_run_seconds = 120, quick_run_seconds = 20; /* for one run */

/*
 * --- who takes part ------------------------------------------------------------------------------
 */

/* For a quick look: the system's, Cairn, and the general-purpose ones that are here. */
static char *quick_allocators(void)
{
    static const char *const general[] = {"jemalloc", "mimalloc", "tcmalloc", "snmalloc",
                                          "rpmalloc"};
    struct allocator_list known;
    char *words = memory_copy("system,cairn");

    allocators_find(&known, NULL);
    for (size_t i = 0; i < sizeof general / sizeof *general; i++) {
        const struct allocator *found = allocators_named(&known, general[i]);
        if ((!found || !found->path) && strcmp(general[i], "tcmalloc") == 0)
            found = allocators_named(&known, "tcmalloc-minimal");
        if (!found || !found->path)
            continue;
        char *longer = memory_format("%s,%s", words, found->name);
        free(words);
        words = longer;
    }
    allocators_free(&known);
    return words;
}

static bool choose(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    char *words = options->allocators ? memory_copy(options->allocators)
                  : options->quick    ? quick_allocators()
                                      : memory_copy("all");
    bool good = compare_choose(words, "system", options->library, &bench->list);

    free(words);
    return good;
}

/* Those that can be loaded, and who of them makes the virtual best. False after a message. */
static bool enter(struct bench *bench)
{
    size_t peers = 0, others = 0;

    bench->allocators = memory_take(bench->list.count, sizeof *bench->allocators);
    bench->peers = memory_take(bench->list.count, sizeof *bench->peers);
    for (size_t i = 0; i < bench->list.count; i++) {
        const struct allocator *allocator = &bench->list.items[i];
        if (allocator->why_not && allocator->is_cairn) {
            message("%s (%s) is %s", allocator->name, allocator->path, allocator->why_not);
            return false;
        }
        if (allocator->why_not)
            continue;
        bench->allocators[bench->entrants] = allocator;
        bench->peers[bench->entrants] = !allocator->is_cairn && !allocator->is_system;
        peers += bench->peers[bench->entrants++];
    }
    /* Without peers it is the system's own, and without that everybody, that ratios are to. */
    for (size_t i = 0; peers == 0 && i < bench->entrants; i++)
        others += bench->peers[i] = bench->allocators[i]->is_system;
    for (size_t i = 0; peers + others == 0 && i < bench->entrants; i++)
        bench->peers[i] = true;
    return true;
}

/*
 * --- the runs ------------------------------------------------------------------------------------
 */

static void fail(struct bench_row *row, char *reason)
{
    row->state = BENCH_FAILED;
    free(row->reason);
    row->reason = reason;
}

/* The first failure stands for all. */
static char *common_failure(const struct comparison *comparison)
{
    const struct entrant *entrant = &comparison->entrants[0];
    const struct figures *figures = &entrant->runs[0];
    const char *note = entrant->failure_note;
    char signal[TEXT_SHORT];

    if (figures->signal)
        return memory_format("killed by %s under every allocator%s%s",
                             text_signal(signal, figures->signal), note ? "; " : "",
                             note ? note : "");
    return memory_format("exit code %d under every allocator%s%s", figures->exit_code,
                         note ? "; " : "", note ? note : "");
}

/* The runs of a trace are those of `cairn replay`. */
static int replay(struct bench_row *row, struct spawner *spawner)
{
    char *reason = bench_replay(row, spawner);

    if (!reason)
        return COMPARE_DONE;
    fail(row, reason);
    return COMPARE_BROKEN;
}

static void measure(struct bench *bench, struct bench_row *row, struct spawner *spawner)
{
    struct comparison *comparison = &row->comparison;
    struct input input = {.fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
    int exit_code;

    if (input.fd < 0) {
        fail(row, memory_format("/dev/null: %s", strerror(errno)));
        return;
    }
    switch (row->suite->kind == SUITE_REPLAY
                ? replay(row, spawner)
                : compare_rounds(comparison, spawner, &input, &exit_code)) {
    case COMPARE_DONE:
        bench_judge(bench, row);
        if (compare_least(comparison, METRIC_TIME))
            row->state = BENCH_MEASURED;
        else if (!comparison->interrupted)
            fail(row, memory_copy("no run of it has succeeded"));
        break;
    case COMPARE_ALL_FAILED:
        fail(row, common_failure(comparison));
        break;
    default:
        if (!row->reason)
            fail(row, memory_copy("it could not be run"));
        break;
    }
    close(input.fd);
}

unsigned bench_rounds(const struct bench *bench)
{
    if (bench->options->rounds)
        return (unsigned)bench->options->rounds;
    return bench->options->quick ? QUICK_ROUNDS : FULL_ROUNDS;
}

/* One program under all allocators. */
static void run_row(struct bench *bench, size_t index, struct spawner *spawner, double seconds)
{
    const struct bench_options *options = bench->options;
    struct bench_row *row = &bench->rows[index];
    bool is_replay = row->suite->kind == SUITE_REPLAY;

    bench_prepare(bench, row, spawner);
    if (row->state != BENCH_WAITING || spawn_interrupted(spawner))
        return;
    row->comparison = (struct comparison){
        .argv = row->argv,
        .invocation = bench->invocation,
        .rounds = bench_rounds(bench),
        .warm_ups = options->quick || options->rounds || is_replay ? 0 : 1,
        .seed = options->seed + index,
        .show_output = -1,
        .program = &row->program,
        .label = memory_format("%s (%zu of %zu), ", row->suite->name, index + 1, bench->count),
        .seconds = options->rounds ? 0 : seconds,
        .run_seconds = options->quick ? quick_run_seconds : full_run_seconds,
        .drop_failed = true,
        .keep_output = !is_replay,
        .load = bench->load,
    };
    if (compare_enter(&row->comparison, &bench->list, "system"))
        measure(bench, row, spawner);
    else
        fail(row, memory_copy("no allocator can take part"));
}

static void run_all(struct bench *bench, struct spawner *spawner)
{
    double start = spawn_clock(), budget = bench->options->quick ? quick_seconds : full_seconds;

    for (size_t i = 0; i < bench->count && !spawn_interrupted(spawner); i++) {
        double left = budget - (spawn_clock() - start);
        run_row(bench, i, spawner, left > 0 ? left / (double)(bench->count - i) : 0.001);
    }
    bench->seconds = spawn_clock() - start;
    bench->interrupted = spawner->interrupted;
    for (size_t i = 0; i < bench->count; i++)
        for (size_t e = 0; bench->rows[i].state == BENCH_MEASURED && e < bench->entrants; e++)
            bench->counted_instructions |=
                bench->rows[i].comparison.entrants[e].values[METRIC_INSTRUCTIONS].count > 0;
}

/*
 * --- the end -------------------------------------------------------------------------------------
 */

static bool report(const struct bench *bench, struct output *output, struct output *csv)
{
    const struct bench_options *options = bench->options;
    bool written = true, csv_on_stdout = options->csv && !csv->path;

    if (options->csv) {
        bench_print_csv(bench, output_begin(csv));
        written = output_close(csv);
    }
    FILE *to = output_begin(output);
    if (options->json)
        bench_print_json(bench, to);
    else
        bench_print(bench, to, output_wants_color(options->color, fileno(to)));
    written = output_close(output) && written;
    if (options->json && options->output && !csv_on_stdout)
        bench_print(bench, stdout, output_wants_color(options->color, STDOUT_FILENO));
    if (!written || csv_on_stdout)
        return written;
    if (options->output && options->json)
        printf("next: cairn report %s\n", options->output);
    else if (options->csv && !(options->json && !options->output))
        printf("single runs: %s\n", options->csv);
    return written;
}

static int exit_code_of(const struct bench *bench)
{
    if (bench->interrupted)
        return EXIT_SIGNAL + bench->interrupted;
    for (size_t i = 0; i < bench->count; i++) {
        const struct bench_row *row = &bench->rows[i];
        if (row->state == BENCH_FAILED)
            return EXIT_DIFFERS;
        for (size_t e = 0; row->state == BENCH_MEASURED && e < bench->entrants; e++)
            if (row->comparison.entrants[e].failed)
                return EXIT_DIFFERS;
    }
    return 0;
}

static bool has_figures(const struct bench *bench)
{
    for (size_t i = 0; i < bench->count; i++)
        if (bench->rows[i].state != BENCH_WAITING)
            return true;
    return false;
}

static int run_bench(struct bench *bench, struct output *output, struct output *csv)
{
    struct spawner spawner;
    double load[1] = {0};
    int exit_code = EXIT_OWN_ERROR;

    if (!spawn_open(&spawner, SPAWN_STOP))
        return EXIT_OWN_ERROR;
    if (getloadavg(load, 1) == 1)
        bench->load = load[0];
    allocators_try(&bench->list, &spawner);
    if (enter(bench)) {
        run_all(bench, &spawner);
        bench_tidy(bench);
        if (bench->interrupted && !has_figures(bench)) {
            message("interrupted before anything was measured");
            exit_code = EXIT_SIGNAL + bench->interrupted;
        } else {
            exit_code = report(bench, output, csv) ? exit_code_of(bench) : EXIT_OWN_ERROR;
        }
    }
    spawn_close(&spawner);
    return exit_code;
}

static int open_and_run(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    struct output output = {0}, csv = {0};
    int result = EXIT_OWN_ERROR;

    if (output_open(&output, options->output, options->overwrite, stdout)) {
        if (!options->csv || output_open(&csv, options->csv, options->overwrite, stdout))
            result = run_bench(bench, &output, &csv);
        if (csv.stream)
            output_abandon(&csv);
        if (output.stream)
            output_abandon(&output);
    }
    return result;
}

int bench_main(int argc, char **argv)
{
    struct bench_options options;

    int result = bench_options_read(&options, argc, argv);
    if (result || options.help)
        return result;
    const char *loaded = allocators_in_preload(getenv("LD_PRELOAD"));
    if (loaded) {
        message("LD_PRELOAD loads %s already, into every run: unset it to compare", loaded);
        return EXIT_OWN_ERROR;
    }
    char *arguments = text_command(argv, 0), *invocation = memory_format("cairn %s", arguments);
    char *folder = bench_folder();
    struct bench bench = {
        .options = &options, .invocation = invocation, .argv = argv, .folder = folder};
    result = EXIT_OWN_ERROR;
    if (folder)
        bench_find_traces(&bench);
    if (folder && options.list) {
        bench_print_list(&bench, stdout);
        result = 0;
    } else if (folder && bench_select(&bench) && choose(&bench)) {
        result = open_and_run(&bench);
    }
    for (size_t i = 0; i < bench.count; i++)
        bench_row_fini(&bench.rows[i]);
    free(bench.rows);
    bench_forget_traces(&bench);
    free(bench.allocators);
    free(bench.peers);
    allocators_free(&bench.list);
    free(folder);
    free(arguments);
    free(invocation);
    return result;
}
