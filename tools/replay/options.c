/* SPDX-License-Identifier: MIT */
/* The options of `cairn replay`: see options.h. */
#define _GNU_SOURCE
#include "replay/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "option_table.h"
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

static bool add_stack(void *context, const char *text)
{
    struct replay_options *options = context;

    options->stacks = memory_resize(options->stacks, options->stack_count + 1,
                                    sizeof *options->stacks);
    options->stacks[options->stack_count++] = text;
    return true;
}

/* What the options say together. 0, or an exit code after a message. */
static int check_options(struct replay_options *options, char **words)
{
    if (options->allocators && strcmp(options->allocators, "list") == 0)
        return 0;
    options->trace = words[0];
    if (!options->trace)
        message("replay: which trace? (see cairn replay --help)");
    else if (words[1])
        message("replay: one trace at a time, not %s as well", words[1]);
    else if (options->check && options->touch == REPLAY_TOUCH_NONE)
        message("replay: --check writes to blocks, --touch none forbids it");
    else
        return 0;
    return EXIT_OWN_ERROR;
}

int replay_options_read(struct replay_options *options, int argc, char **argv)
{
    enum { TIME, MEMORY, BOTH };
    static const char *const passes[] = {"time", "memory", NULL};
    static const char *const touches[] = {"none", "pages", "all", NULL};
    unsigned only = BOTH;
    const struct option_row rows[] = {
        {"allocators", .text = &options->allocators},
        {"stack", .take = add_stack},
        {"lib", .text = &options->library},
        {"rounds", .count = &options->rounds, .least = 1, .most = STATISTICS_MOST},
        {"seed", .count = &options->seed, .most = LONG_MAX},
        {"checkpoints", .count = &options->checkpoints, .least = 1, .most = RESULT_CHECKPOINTS - 2},
        {"only", .choice = &only, .words = passes},
        {"touch", .choice = &options->touch, .words = touches},
        {"check", .flag = &options->check},
        {"strict", .flag = &options->strict},
        {"process", .count = &options->process, .most = REPLAY_ANY_PROCESS - 1},
        {"limit", .count = &options->limit, .least = 1, .most = INT_MAX},
        {"json", .choice = &options->format, .value = REPLAY_JSON},
        {"csv", .choice = &options->format, .value = REPLAY_CSV},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {"color", .choice = &options->color, .words = option_colors},
        {.name = NULL},
    };
    const struct option_form form = {
        .verb = "replay", .help = help, .helped = &options->help, .rows = rows, .context = options};
    char **words;

    *options = (struct replay_options){
        .touch = REPLAY_TOUCH_PAGES,
        .rounds = 5,
        .checkpoints = 200,
        .seed = 1,
        .process = REPLAY_ANY_PROCESS,
    };
    int result = option_table_read(&form, argc, argv, &words);
    if (options->output)
        options->output = output_named(options->output);
    options->time = only != MEMORY;
    options->memory = only != TIME;
    return result || options->help ? result : check_options(options, words);
}

void replay_options_fini(struct replay_options *options)
{
    free(options->stacks);
}
