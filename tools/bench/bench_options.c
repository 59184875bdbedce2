/* SPDX-License-Identifier: MIT */
/* The options of `cairn bench`: see bench_options.h. */
#define _GNU_SOURCE
#include "bench/bench_options.h"

#include <string.h>

#include "message.h"
#include "option_table.h"
#include "statistics.h"

static const char help[] =
    "Example:  cairn bench --quick --allocators all,mine=/tmp/libmine.so --csv bench.csv\n"
    "\n"
    "Usage: cairn bench [OPTION...]\n"
    "Runs a suite of workloads and real programs under every allocator found here, in rounds, and\n"
    "tells time and memory of each against the best of the others.\n"
    "\n"
    "      --quick            short workloads, fewer allocators and rounds: under 2 minutes\n"
    "      --only LIST        only these, with commas; NAME:PARAMETER=N sets a workload's size\n"
    "      --list             what is in the suite\n"
    "      --latency          only how long single calls take: p50 to p99.99, and the worst\n"
    "      --table            only the table by which people choose;  --web: only web servers\n"
    "      --rounds N         so many, however long that takes (5, with --quick 3, if time "
    "allows)\n"
    "      --allocators LIST  names, name=path and `all`, with commas (cairn compare lists them)\n"
    "      --lib PATH         Cairn's library; default: $CAIRN_LIB, else ../lib beside cairn\n"
    "      --csv FILE         every single run, with the command on the first line\n"
    "      --json             a document for programs and for cairn report\n"
    "  -o, --output FILE      write to FILE;  -f, --overwrite: files may exist already\n"
    "      --color WHEN       auto, always or never;  --seed N: of the order of runs (1)\n"
    "  -v, --verbose          a table for each program;  -h, --help: this page\n"
    "\n"
    "Ratios are to the virtual best: for each program the fastest, and separately the smallest, "
    "of\n"
    "the allocators other than Cairn and the system's. Files of the suite: $CAIRN_BENCH, else\n"
    "../libexec/cairn/bench beside cairn. Programs that are not here are passed over, by name.\n"
    "Exit code: 0; 1 if a run failed; 125 if the command itself could not; 130 on ^C.\n";

int bench_options_read(struct bench_options *options, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"rounds", .count = &options->rounds, .least = 1, .most = STATISTICS_MOST},
        {"quick", .flag = &options->quick},
        {"only", .text = &options->only},
        {"list", .flag = &options->list},
        {"latency", .flag = &options->latency},
        {"table", .flag = &options->table},
        {"web", .flag = &options->web},
        {"allocators", .text = &options->allocators},
        {"lib", .text = &options->library},
        {"csv", .text = &options->csv},
        {"json", .flag = &options->json},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {"color", .choice = &options->color, .words = option_colors},
        {"seed", .count = &options->seed, .most = UINT64_MAX},
        {"verbose", 'v', .flag = &options->verbose},
        {.name = NULL},
    };
    const struct option_form form = {.verb = "bench",
                                     .help = help,
                                     .helped = &options->help,
                                     .rows = rows,
                                     .is_ended_by_word = true};
    char **words;

    *options = (struct bench_options){.seed = 1};
    int result = option_table_read(&form, argc, argv, &words);
    if (options->output)
        options->output = output_named(options->output);
    if (result || options->help)
        return result;
    if (options->csv && strcmp(options->csv, "-") == 0 && !options->output) {
        message("bench: --csv - and the report cannot both go to standard output: -o FILE");
        return EXIT_OWN_ERROR;
    }
    if (!*words)
        return 0;
    message("bench: what is '%s'? (--only %s chooses from the suite; see cairn bench --help)",
            *words, *words);
    return EXIT_OWN_ERROR;
}
