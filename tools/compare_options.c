/* SPDX-License-Identifier: MIT */
/* The options of `cairn compare`: see compare_options.h. */
#define _GNU_SOURCE
#include "compare_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
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

static bool read_number(const char *name, const char *text, unsigned long least,
                        unsigned long greatest, unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *number >= least && *number <= greatest)
        return true;
    if (greatest == ULONG_MAX)
        message("compare: --%s is a number, not '%s'", name, text);
    else
        message("compare: --%s is a number from %lu to %lu, not '%s'", name, least, greatest, text);
    return false;
}

int compare_options_read(struct compare_options *options, int argc, char **argv)
{
    enum { ROUNDS = 256, WARMUP, ALLOCATORS, BASELINE, LIB, SHOW, QUIET, JSON, CSV, COLOR, SEED };
    static const struct option known[] = {
        {"rounds", required_argument, NULL, ROUNDS},
        {"warmup", required_argument, NULL, WARMUP},
        {"allocators", required_argument, NULL, ALLOCATORS},
        {"baseline", required_argument, NULL, BASELINE},
        {"lib", required_argument, NULL, LIB},
        {"show-output", no_argument, NULL, SHOW},
        {"quiet-child", no_argument, NULL, QUIET},
        {"ignore-exit", no_argument, NULL, 'i'},
        {"json", no_argument, NULL, JSON},
        {"csv", no_argument, NULL, CSV},
        {"output", required_argument, NULL, 'o'},
        {"overwrite", no_argument, NULL, 'f'},
        {"color", required_argument, NULL, COLOR},
        {"seed", required_argument, NULL, SEED},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    unsigned long seed = 1;
    bool good = true;
    int option;

    *options = (struct compare_options){.rounds = 5, .warm_ups = 1, .baseline = "system"};
    opterr = 0;
    while (good && (option = getopt_long(argc, argv, "+:io:fvh", known, NULL)) != -1) {
        switch (option) {
        case ROUNDS:
            good = read_number("rounds", optarg, 1, STATISTICS_MOST, &options->rounds);
            break;
        case WARMUP:
            good = read_number("warmup", optarg, 0, STATISTICS_MOST, &options->warm_ups);
            break;
        case SEED:
            good = read_number("seed", optarg, 0, ULONG_MAX, &seed);
            break;
        case ALLOCATORS:
            options->allocators = optarg;
            break;
        case BASELINE:
            options->baseline = optarg;
            break;
        case LIB:
            options->library = optarg;
            break;
        case SHOW:
            options->show_output = true;
            break;
        case QUIET:
            options->show_output = false;
            break;
        case 'i':
            options->ignore_exit = true;
            break;
        case JSON:
            options->format = FORMAT_JSON;
            break;
        case CSV:
            options->format = FORMAT_CSV;
            break;
        case 'o':
            options->output = optarg;
            break;
        case 'f':
            options->overwrite = true;
            break;
        case COLOR:
            good = output_color_from(optarg, &options->color);
            if (!good)
                message("compare: --color is auto, always or never, not '%s'", optarg);
            break;
        case 'v':
            options->verbose = true;
            break;
        case 'h':
            options->help = true;
            fputs(help, stdout);
            return 0;
        default:
            return message_bad_option("compare", option, argv, known);
        }
    }
    options->seed = seed;
    options->argv = argv + optind;
    return good ? 0 : EXIT_OWN_ERROR;
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
