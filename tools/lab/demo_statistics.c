/* SPDX-License-Identifier: MIT */
/*
 * The demonstration of statistics as a global allocator: a program that knows nothing of it runs
 * with libcairn-stack.so preloaded, its malloc made of `counted` around `heap`. See demo.h.
 */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "library.h"
#include "message.h"
#include "own_memory.h"
#include "program.h"
#include "spawn.h"
#include "text.h"

#define STACK "counted:report,frames=4(heap)"
enum { LINES = 9, WIDTH = 76 };

/* What the program writes, all of it. */
struct text {
    char *bytes;
    size_t size;
};

static void take(void *context, const char *bytes, size_t size)
{
    struct text *text = context;

    text->bytes = memory_resize(text->bytes, text->size + size + 1, 1);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

/* The library lies beside the one that `cairn run` preloads. */
static char *find_stack_library(void)
{
    char *library = library_find(NULL);

    if (!library)
        return NULL;
    *strrchr(library, '/') = '\0';
    char *path = memory_format("%s/libcairn-stack.so", library);
    free(library);
    if (access(path, R_OK) == 0)
        return path;
    message("lab: there is no %s, which this demonstration preloads", path);
    free(path);
    return NULL;
}

/* perl, which is nearly everywhere, does something that takes memory; else a sort of its options. */
static char **choose_program(char **path)
{
    static char perl[] = "perl", option[] = "-e", sort[] = "sort", help[] = "--help";
    static char script[] = "my %h; $h{$_ % 100} .= \"stone\" for 1..5000; "
                           "print scalar(keys %h), \" keys\\n\"";
    static char *with_perl[] = {perl, option, script, NULL}, *with_sort[] = {sort, help, NULL};

    /* program_find would say that it is missing */
    bool has_perl = access("/usr/bin/perl", X_OK) == 0;
    char **argv = has_perl ? with_perl : with_sort;
    return program_find(argv[0], path) == 0 ? argv : NULL;
}

static bool run(char **argv, const char *path, const char *library, struct text *said)
{
    extern char **environ;
    struct spawner spawner;
    struct spawn_outcome outcome;
    static const char stack[] = "CAIRN_STACK=" STACK, seed[] = "PERL_HASH_SEED=0",
                      locale[] = "LC_ALL=C";

    char *preload = environment_preload(environ, library);
    char **environment = environment_with(
        environ, (const char *const[]){preload, stack, seed, locale, NULL});
    struct spawn_request request = {.path = path,
                                    .argv = argv,
                                    .environment = environment,
                                    .input = -1,
                                    .errors = {take, said}};
    bool good = spawn_open(&spawner, SPAWN_FORWARD);
    if (good) {
        good = spawn_run(&spawner, &request, &outcome);
        spawn_close(&spawner);
    }
    free(environment);
    free(preload);
    return good;
}

/* A line of the report, in lines of the page. */
static void print_line(struct demo *demo, char *line)
{
    size_t column = 0;
    char *word;

    while ((word = strsep(&line, " "))) {
        if (column + strlen(word) > WIDTH) {
            fputs("\n     ", demo->to);
            column = 1;
        }
        column += (size_t)fprintf(demo->to, "%s%s", column > 0 ? " " : "    ", word);
    }
    fputc('\n', demo->to);
}

static void print_report(struct demo *demo, const struct text *said, size_t most)
{
    char *rest = said->bytes, *line;
    size_t count = 0;

    while (rest && (line = strsep(&rest, "\n")))
        if (*line != '\0' && count++ < most)
            print_line(demo, line);
    if (count > most)
        fprintf(demo->to, "    (and %zu lines more)\n", count - most);
    fputc('\n', demo->to);
}

bool demo_statistics(struct demo *demo)
{
    struct text said = {.bytes = NULL};
    char *path = NULL, *library = find_stack_library();

    if (!library)
        return false;
    char **argv = choose_program(&path);
    if (!argv) {
        free(library);
        return false;
    }
    char *command = text_command(argv, 0);
    demo_say(demo, "Any stack of allocators can be the malloc of a whole program, which need not "
                   "know. Here `counted` stands around `heap`, Cairn's malloc, and counts what "
                   "goes through it:");
    fprintf(demo->to, "    $ CAIRN_STACK='%s' LD_PRELOAD=libcairn-stack.so \\\n      %s\n\n", STACK,
            command);
    bool good = run(argv, path, library, &said);
    if (good && said.bytes) {
        print_report(demo, &said, LINES);
        demo_say(demo, "What is left at the end was not freed, with the place that allocated it: "
                       "programs often leave that to the system, so it is no leak yet. How many "
                       "requests there were, of which sizes, and how much was live at most, is "
                       "what an allocator is chosen by.");
        demo_say(demo,
                 "next: cairn run %s   (the short report), docs/choosing-an-allocator.md   "
                 "(stacks as text)",
                 text_basename(argv[0]));
    } else if (good) {
        message("lab: %s ran, and counted nothing (is %s the right library?)", argv[0], library);
        good = false;
    }
    free(command);
    free(said.bytes);
    free(path);
    free(library);
    return good;
}
