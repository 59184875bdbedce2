/* SPDX-License-Identifier: MIT */
/* The options of `cairn replay`: see options.h. */
#define _GNU_SOURCE
#include "replay/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"
#include "replayer/result.h"
#include "statistics.h"

static const char help[] =
    "Example:  cairn replay cairn.gcc.4711.czt --stack 'counted(fit:best)'\n"
    "\n"
    "Usage: cairn replay [OPTION...] TRACE\n"
    "Does the allocations of a recorded program again (- is standard input), under every "
    "allocator\n"
    "found here, and says how long that takes and how much memory.\n"
    "\n"
    "      --allocators LIST  names, name=path, `all` or `none`, with commas; `list` shows them\n"
    "      --stack TEXT       also this stack of the kit's allocators; may be repeated\n"
    "      --lib PATH         Cairn's library; default: $CAIRN_LIB, else ../lib beside cairn\n"
    "      --rounds N         for the time (5), each in an order of its own; --seed N: of orders "
    "(1)\n"
    "      --checkpoints N    at which all threads stop and memory is measured (200)\n"
    "      --only WHAT        time or memory\n"
    "      --touch WHAT       what is written to new blocks: none, pages (their beginning and a "
    "byte\n"
    "                         a page; the default), all\n"
    "      --check            write and verify every byte: finds allocators that give it twice\n"
    "      --strict           threads keep the order of the whole trace, not only that of blocks\n"
    "      --limit SECONDS    then a run is given up; default: 60 and 20 for each million "
    "operations\n"
    "      --process N        which one, from 0; default: the one with most events\n"
    "      --json, --csv      everything, single runs included; with -o the table is shown as "
    "well\n"
    "  -o, --output FILE      write to FILE, which must not exist yet; -f, --overwrite: it may\n"
    "      --color WHEN       auto, always or never;  -h, --help: this page\n"
    "\n"
    "ns/op is CPU time. granted: what malloc_usable_size says; of it and of RSS, figures are at "
    "the\n"
    "moment when most bytes were live. RSS is more than that of a process that does nothing.\n"
    "~ marks a ratio whose interval covers 1. docs/replay.md says what a replay keeps.\n"
    "Exit code: 0; 1 if an allocator failed; 125 if the replay could not be done; 130 on ^C.\n";

static bool read_number(const char *name, const char *text, unsigned long least,
                        unsigned long greatest, unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *number >= least && *number <= greatest)
        return true;
    message("replay: --%s is a number from %lu to %lu, not '%s'", name, least, greatest, text);
    return false;
}

/* Which of the words; -1 after a message. */
static int read_word(const char *name, const char *text, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    const char *nearest = message_nearest(text, words);
    if (nearest)
        message("replay: no --%s %s (did you mean %s?)", name, text, nearest);
    else
        message("replay: no --%s %s (see cairn replay --help)", name, text);
    return -1;
}

static bool read_only(struct replay_options *options, const char *text)
{
    int word = read_word("only", text, (const char *const[]){"time", "memory", NULL});

    options->time = word == 0;
    options->memory = word == 1;
    return word >= 0;
}

static bool read_touch(struct replay_options *options, const char *text)
{
    int word = read_word("touch", text, (const char *const[]){"none", "pages", "all", NULL});

    options->touch = (enum replay_touch)word;
    return word >= 0;
}

static bool read_color(struct replay_options *options, const char *text)
{
    if (output_color_from(text, &options->color))
        return true;
    message("replay: --color is auto, always or never, not '%s'", text);
    return false;
}

static void add_stack(struct replay_options *options, const char *text)
{
    options->stacks = memory_resize(options->stacks, options->stack_count + 1,
                                    sizeof *options->stacks);
    options->stacks[options->stack_count++] = text;
}

enum {
    ALLOCATORS = 256,
    STACK,
    LIB,
    ROUNDS,
    SEED,
    CHECKPOINTS,
    ONLY,
    TOUCH,
    CHECK,
    STRICT,
    PROCESS,
    LIMIT,
    JSON,
    CSV,
    COLOR
};

static const struct option known[] = {
    {"allocators", required_argument, NULL, ALLOCATORS},
    {"stack", required_argument, NULL, STACK},
    {"lib", required_argument, NULL, LIB},
    {"rounds", required_argument, NULL, ROUNDS},
    {"seed", required_argument, NULL, SEED},
    {"checkpoints", required_argument, NULL, CHECKPOINTS},
    {"only", required_argument, NULL, ONLY},
    {"touch", required_argument, NULL, TOUCH},
    {"check", no_argument, NULL, CHECK},
    {"strict", no_argument, NULL, STRICT},
    {"process", required_argument, NULL, PROCESS},
    {"limit", required_argument, NULL, LIMIT},
    {"json", no_argument, NULL, JSON},
    {"csv", no_argument, NULL, CSV},
    {"output", required_argument, NULL, 'o'},
    {"overwrite", no_argument, NULL, 'f'},
    {"color", required_argument, NULL, COLOR},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* One option. False after a message. */
static bool take(struct replay_options *options, int option)
{
    switch (option) {
    case ALLOCATORS:
        options->allocators = optarg;
        return true;
    case STACK:
        add_stack(options, optarg);
        return true;
    case LIB:
        options->library = optarg;
        return true;
    case ROUNDS:
        return read_number("rounds", optarg, 1, STATISTICS_MOST, &options->rounds);
    case SEED:
        return read_number("seed", optarg, 0, LONG_MAX, &options->seed);
    case CHECKPOINTS:
        return read_number("checkpoints", optarg, 1, RESULT_CHECKPOINTS - 2, &options->checkpoints);
    case ONLY:
        return read_only(options, optarg);
    case TOUCH:
        return read_touch(options, optarg);
    case CHECK:
        return options->check = true;
    case STRICT:
        return options->strict = true;
    case PROCESS:
        return read_number("process", optarg, 0, REPLAY_ANY_PROCESS - 1, &options->process);
    case LIMIT:
        return read_number("limit", optarg, 1, INT_MAX, &options->limit);
    case JSON:
        options->format = REPLAY_JSON;
        return true;
    case CSV:
        options->format = REPLAY_CSV;
        return true;
    case 'o':
        options->output = optarg;
        return true;
    case 'f':
        return options->overwrite = true;
    default: /* COLOR */
        return read_color(options, optarg);
    }
}

int replay_options_read(struct replay_options *options, int argc, char **argv)
{
    int option;

    *options = (struct replay_options){
        .time = true,
        .memory = true,
        .touch = REPLAY_TOUCH_PAGES,
        .rounds = 5,
        .checkpoints = 200,
        .seed = 1,
        .process = REPLAY_ANY_PROCESS,
    };
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:fh", known, NULL)) != -1) {
        if (option == 'h') {
            options->help = true;
            fputs(help, stdout);
            return 0;
        }
        if (option == '?' || option == ':')
            return message_bad_option("replay", option, argv, known);
        if (!take(options, option))
            return EXIT_OWN_ERROR;
    }
    if (options->allocators && strcmp(options->allocators, "list") == 0)
        return 0;
    options->trace = argv[optind];
    if (!options->trace)
        message("replay: which trace? (see cairn replay --help)");
    else if (argv[optind + 1])
        message("replay: one trace at a time, not %s as well", argv[optind + 1]);
    else if (options->check && options->touch == REPLAY_TOUCH_NONE)
        message("replay: --check writes to blocks, --touch none forbids it");
    else
        return 0;
    return EXIT_OWN_ERROR;
}

void replay_options_fini(struct replay_options *options)
{
    free(options->stacks);
}
