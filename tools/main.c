/* SPDX-License-Identifier: MIT */
/*
 * The `cairn` command: finds the verb and hands over to it. A new verb is a file, a declaration in
 * verbs.h and a row here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cairn.h"
#include "message.h"
#include "verbs.h"

#define TEXT_OF(x)      #x
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)
#define VERSION         DOTTED(CAIRN_VERSION_MAJOR, CAIRN_VERSION_MINOR, CAIRN_VERSION_PATCH)

static int help_main(int argc, char **argv);
static int version_main(int argc, char **argv);

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not for people */
} verbs[] = {
    {"run", run_main, "start a program on Cairn, prove that it is active, and report"},
    {"compare", compare_main, "the same program on every allocator here: time, memory, noise"},
    {"record", record_main, "every allocation of a program to a file, for report and replay"},
    {"report", report_main, "one page, that needs no network, of recordings and other results"},
    {"diff", diff_main, "what changed from one recording, or result, to another"},
    {"trace", trace_main, "what is in a trace; another form of it, a part, or one without names"},
    {"replay", replay_main, "a recorded program's allocations again, on every allocator here"},
    {"lab", lab_main, "fragmentation: demonstrations, experiments, a heap to watch"},
    {"bench", bench_main, "the suite: workloads and real programs, time and memory against peers"},
    {"help", help_main, "this page, or that of a verb"},
    {"version", version_main, "the version of this command"},
    {"__probe", probe_main, NULL},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static void print_help(FILE *to)
{
    fputs("Example:  cairn run python3 script.py\n"
          "          cairn compare sqlite3 shop.db 'select count(*) from orders'\n"
          "          cairn record ./server --once; cairn report cairn.server.4711.czt\n"
          "\n"
          "Usage: cairn VERB [OPTION...] [ARGUMENT...]\n"
          "\n",
          to);
    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].summary)
            fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
    fputs("\n"
          "`cairn VERB --help` tells about one of them. Exit codes of cairn's own: 125 it failed,\n"
          "126 the program cannot be executed, 127 there is no such program.\n",
          to);
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[VERBS + 1];
    size_t count = 0;

    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].summary)
            names[count++] = verbs[i].name;
    names[count] = NULL;
    const char *nearest = message_nearest(name, names);
    if (nearest)
        message("no verb '%s' (did you mean %s?)", name, nearest);
    else
        message("no verb '%s' (see cairn --help)", name);
    return EXIT_OWN_ERROR;
}

/* What was written to stdout has arrived, or the exit code says so. */
static int flushed(int result)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    if (result == EXIT_OWN_ERROR) /* it has been said */
        return result;
    message("cannot write to stdout: %s", strerror(errno));
    return result ? result : EXIT_OWN_ERROR;
}

static int help_main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        print_help(stdout);
        return 0;
    }
    const struct verb *verb = find(argv[1]);
    if (!verb)
        return unknown(argv[1]);
    if (verb->run == help_main)
        return help_main(1, argv);
    char help[] = "--help";
    return verb->run(2, (char *[]){argv[1], help, NULL});
}

static int version_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    puts("cairn " VERSION);
    return 0;
}

/*
 * A closed standard descriptor would be taken by the next file opened. Programs still find it
 * closed.
 */
static void fill_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_descriptors();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_OWN_ERROR;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return flushed(help_main(argc - 1, argv + 1));
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return flushed(version_main(argc - 1, argv + 1));
    if (argv[1][0] == '-') {
        message("no option %s before the verb (see cairn --help)", argv[1]);
        return EXIT_OWN_ERROR;
    }
    const struct verb *verb = find(argv[1]);
    if (!verb)
        return unknown(argv[1]);
    return flushed(verb->run(argc - 1, argv + 1));
}
