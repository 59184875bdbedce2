/* SPDX-License-Identifier: MIT */
/* The options of `cairn bench`: see bench_options.h. */
#define _GNU_SOURCE
#include "bench/bench_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
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

static bool read_number(const char *name, const char *text, unsigned long least,
                        unsigned long greatest, unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *number >= least && *number <= greatest)
        return true;
    if (greatest == ULONG_MAX)
        message("bench: --%s is a number, not '%s'", name, text);
    else
        message("bench: --%s is a number from %lu to %lu, not '%s'", name, least, greatest, text);
    return false;
}

int bench_options_read(struct bench_options *options, int argc, char **argv)
{
    enum { ROUNDS = 256, QUICK, ONLY, LIST, ALLOCATORS, LIB, CSV, JSON, COLOR, SEED, LATENCY };
    enum { TABLE = LATENCY + 1, WEB };
    static const struct option known[] = {
        {"rounds", required_argument, NULL, ROUNDS},
        {"quick", no_argument, NULL, QUICK},
        {"only", required_argument, NULL, ONLY},
        {"list", no_argument, NULL, LIST},
        {"latency", no_argument, NULL, LATENCY},
        {"table", no_argument, NULL, TABLE},
        {"web", no_argument, NULL, WEB},
        {"allocators", required_argument, NULL, ALLOCATORS},
        {"lib", required_argument, NULL, LIB},
        {"csv", required_argument, NULL, CSV},
        {"json", no_argument, NULL, JSON},
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

    *options = (struct bench_options){0};
    opterr = 0;
    while (good && (option = getopt_long(argc, argv, "+:o:fvh", known, NULL)) != -1) {
        switch (option) {
        case ROUNDS:
            good = read_number("rounds", optarg, 1, STATISTICS_MOST, &options->rounds);
            break;
        case SEED:
            good = read_number("seed", optarg, 0, ULONG_MAX, &seed);
            break;
        case QUICK:
            options->quick = true;
            break;
        case ONLY:
            options->only = optarg;
            break;
        case LIST:
            options->list = true;
            break;
        case LATENCY:
            options->latency = true;
            break;
        case TABLE:
            options->table = true;
            break;
        case WEB:
            options->web = true;
            break;
        case ALLOCATORS:
            options->allocators = optarg;
            break;
        case LIB:
            options->library = optarg;
            break;
        case CSV:
            options->csv = optarg;
            break;
        case JSON:
            options->json = true;
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
                message("bench: --color is auto, always or never, not '%s'", optarg);
            break;
        case 'v':
            options->verbose = true;
            break;
        case 'h':
            options->help = true;
            fputs(help, stdout);
            return 0;
        default:
            return message_bad_option("bench", option, argv, known);
        }
    }
    options->seed = seed;
    if (good && optind < argc) {
        message("bench: what is '%s'? (--only %s chooses from the suite; see cairn bench --help)",
                argv[optind], argv[optind]);
        good = false;
    }
    return good ? 0 : EXIT_OWN_ERROR;
}
