/* SPDX-License-Identifier: MIT */
/* The options of `cairn compare`: see compare_options.h. */
#define _GNU_SOURCE
#include "compare_options.h"

#include <stdlib.h>
#include <string.h>

#include "option_table.h"
#include "own_memory.h"
#include "statistics.h"
#include "text.h"

static const char help[] =
    "Example:  cairn compare sqlite3 shop.db 'select count(*) from orders'\n"
    "\n"
    "Usage: cairn compare [OPTION...] PROGRAM [ARGUMENT...]\n"
    "Runs PROGRAM under every allocator found here, in rounds, and says who is fastest and "
    "smallest.\n"
    "\n"
    "      --rounds N         measured rounds (5); --warmup N rounds before them (1)\n"
    "      --allocators LIST  names, name=path and `all`, with commas; `list` shows what is here\n"
    "      --baseline NAME    whom the ratios are made to (system)\n"
    "      --lib PATH         Cairn's library; default: $CAIRN_LIB, else ../lib beside cairn\n"
    "      --show-output      show what the first run writes (--quiet-child: do not, the default)\n"
    "  -i, --ignore-exit      a non-zero exit code of PROGRAM is no failure\n"
    "      --json, --csv      the record, single runs included; with -o the table is shown as "
    "well\n"
    "  -o, --output FILE      write to FILE, which must not exist yet; -f, --overwrite: it may\n"
    "      --color WHEN       auto, always or never;  --seed N: of the order of runs (1)\n"
    "  -v, --verbose          tell the seed and each round's order;  -h, --help: this page\n"
    "\n"
    "Times and ratios are medians; a ratio is made of pairs from the same round. The interval of "
    "a\n"
    "median comes from binomial order statistics: 95 % from 6 rounds on, 93.8 % at 5, 75 % at 3.\n"
    "~ marks a ratio whose interval covers 1. Each run reads standard input from its beginning.\n"
    "Exit code: 0; 1 if an output differed or a run failed; 125 to 127 as in cairn run; 130 on "
    "^C.\n";

int compare_options_read(struct compare_options *options, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"rounds", .count = &options->rounds, .least = 1, .most = STATISTICS_MOST},
        {"warmup", .count = &options->warm_ups, .most = STATISTICS_MOST},
        {"allocators", .text = &options->allocators},
        {"baseline", .text = &options->baseline},
        {"lib", .text = &options->library},
        {"show-output", .flag = &options->show_output},
        {"quiet-child", .flag = &options->show_output, .off = true},
        {"ignore-exit", 'i', .flag = &options->ignore_exit},
        {"json", .choice = &options->format, .value = FORMAT_JSON},
        {"csv", .choice = &options->format, .value = FORMAT_CSV},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {"color", .choice = &options->color, .words = option_colors},
        {"seed", .count = &options->seed, .most = UINT64_MAX},
        {"verbose", 'v', .flag = &options->verbose},
        {.name = NULL},
    };
    const struct option_form form = {.verb = "compare",
                                     .help = help,
                                     .helped = &options->help,
                                     .rows = rows,
                                     .is_ended_by_word = true};

    *options = (struct compare_options){
        .rounds = 5, .warm_ups = 1, .baseline = "system", .seed = 1};
    int result = option_table_read(&form, argc, argv, &options->argv);
    if (options->output)
        options->output = output_named(options->output);
    return result;
}

char *compare_options_again(char **argv, int argc, unsigned rounds, size_t columns)
{
    char number[16], name[] = "--rounds";
    size_t to = 0, all = (size_t)argc;

    while (argv[all])
        all++;
    char **again = memory_take(all + 3, sizeof *again);
    snprintf(number, sizeof number, "%u", rounds);
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0)
            i++; /* and its value */
        else if (strncmp(argv[i], "--rounds=", 9) != 0 && strcmp(argv[i], "--") != 0)
            again[to++] = argv[i];
    }
    again[to++] = name;
    again[to++] = number;
    memcpy(again + to, argv + argc, (all - (size_t)argc) * sizeof *again);
    char *text = text_command(again, columns);
    free(again);
    return text;
}
