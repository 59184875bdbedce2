/* SPDX-License-Identifier: MIT */
/*
 * `cairn lab`: the fragmentation laboratory. This file finds the part that is meant; the experiment
 * itself is in experiment.c, what is played in pattern.c, on what in subject.c, and the figures are
 * defined in metrics.c.
 */
#define _GNU_SOURCE
#include "lab/lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "spawn.h"
#include "verbs.h"

static const char help[] =
    "Example:  cairn lab demo\n"
    "          cairn lab run --pattern sawtooth --all\n"
    "          cairn lab run --fit best --coalesce deferred --pattern sawtooth --watch\n"
    "          cairn lab sweep --over fit,coalesce --pattern robson\n"
    "\n"
    "Usage: cairn lab PART [OPTION...]\n"
    "What becomes of memory when blocks come and go: the same calls on different allocators, and\n"
    "figures that say how well each used it.\n"
    "\n"
    "  demo      six short demonstrations with explanations; no experience needed\n"
    "  run       play a pattern on one or more allocators; table, --watch, --json, --html\n"
    "  sweep     the same for many settings at once\n"
    "  ops       print the calls of a pattern\n"
    "  patterns  the patterns, a line each\n"
    "  metrics   the figures, a sentence each\n"
    "\n"
    "`cairn lab run --help` lists the options. Equal commands print equal figures, times aside, "
    "on\n"
    "every machine.\n";

void lab_progress(struct lab_progress *progress, size_t done, size_t all)
{
    if (!progress->is_shown && (!isatty(STDERR_FILENO) || spawn_clock() - progress->start < 1))
        return;
    progress->is_shown = done < all;
    if (done < all)
        fprintf(stderr, "\r\033[Kcairn: lab: %zu of %zu", done, all);
    else
        fputs("\r\033[K", stderr);
}

static int patterns_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    pattern_explain(stdout);
    puts("\nnext: cairn lab run --pattern sawtooth --all");
    return 0;
}

static int metrics_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    metrics_explain(stdout);
    puts("\nnext: cairn lab run --all --metrics external,holes,largest");
    return 0;
}

static int help_part(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs(help, stdout);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} parts[] = {
    {"demo", lab_demo},          {"run", lab_run},          {"sweep", lab_sweep}, {"ops", lab_ops},
    {"patterns", patterns_main}, {"metrics", metrics_main}, {"help", help_part},
};
enum { PARTS = sizeof parts / sizeof *parts };

static int unknown(const char *name)
{
    const char *names[PARTS + 1] = {NULL};

    for (size_t i = 0; i < PARTS; i++)
        names[i] = parts[i].name;
    const char *nearest = message_nearest(name, names);
    if (nearest)
        message("lab: no part '%s' (did you mean %s?)", name, nearest);
    else
        message("lab: no part '%s' (see cairn lab --help)", name);
    return EXIT_OWN_ERROR;
}

int lab_main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return EXIT_OWN_ERROR;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
        return help_part(argc, argv);
    if (argv[1][0] == '-') /* options, and no part: it runs */
        return lab_run(argc, argv);
    for (size_t i = 0; i < PARTS; i++)
        if (strcmp(parts[i].name, argv[1]) == 0)
            return parts[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
