/* SPDX-License-Identifier: MIT */
/* `cairn lab demo`: the guided run. See demo.h. */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "message.h"
#include "option_table.h"
#include "output.h"
#include "own_memory.h"
#include "page/document.h"
#include "table.h"
#include "text.h"

enum { WIDTH = 78, DOTS = 46, VERSION = 1 };

static const struct {
    const char *name, *title;
    bool (*run)(struct demo *demo);
} demos[] = {
    {"statistics", "Statistics: what a program does with memory", demo_statistics},
    {"arena", "An arena: blocks that end together", demo_arena},
    {"slab", "Slots and slabs: places that are used again", demo_slab},
    {"heap", "The heap: a general malloc", demo_heap},
    {"fragmentation", "Fragmentation: free, and of no use", demo_fragmentation},
    {"benchmark", "Benchmark: seven allocators, three sizes", demo_benchmark},
};
enum { DEMOS = sizeof demos / sizeof *demos };

static const char help[] =
    "Example:  cairn lab demo\n"
    "          cairn lab demo arena fragmentation\n"
    "\n"
    "Usage: cairn lab demo [OPTION...] [NAME...]\n"
    "Six demonstrations: statistics, arena, slab, heap, fragmentation, benchmark. All of them if\n"
    "none is named. On a terminal it waits for Enter between them.\n"
    "\n"
    "      --no-pause     does not wait\n"
    "      --json         a document with the same text, and the benchmark's table\n"
    "  -o, --output FILE  to FILE; -f: even if it exists\n"
    "      --color WHEN   auto, always or never\n"
    "  -h, --help         this page\n"
    "\n"
    "Figures are the same each time, but for times, and for what the programs of this machine "
    "do.\n";

/* ---- how they speak ---- */

void demo_say(struct demo *demo, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    size_t column = 0;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    char *rest = text, *word;
    while ((word = strsep(&rest, " "))) {
        size_t width = text_width(word);
        if (width == 0)
            continue;
        if (column > 0 && column + 1 + width > WIDTH) {
            fputc('\n', demo->to);
            column = 0;
        }
        column += (size_t)fprintf(demo->to, "%s%s", column > 0 ? " " : "", word) -
                  (strlen(word) - width);
    }
    fputs("\n\n", demo->to);
    free(text);
}

void demo_show(struct demo *demo, const char *what, const char *format, ...)
{
    va_list arguments;
    int dots = DOTS - (int)text_width(what);

    fprintf(demo->to, "    %s ", what);
    for (int i = 0; i < dots; i++)
        fputc('.', demo->to);
    fputc(' ', demo->to);
    va_start(arguments, format);
    vfprintf(demo->to, format, arguments);
    va_end(arguments);
    fputc('\n', demo->to);
}

/* ---- the run ---- */

struct demo_options {
    bool json, no_pause, overwrite, help;
    enum color_when color;
    const char *output;
    bool chosen[DEMOS];
};

static bool choose(struct demo_options *options, char **words)
{
    const char *names[DEMOS + 1] = {NULL};

    for (size_t i = 0; i < DEMOS; i++) {
        names[i] = demos[i].name;
        options->chosen[i] = !*words;
    }
    for (; *words; words++) {
        int index = lab_word("demonstration", *words, names);
        if (index < 0)
            return false;
        options->chosen[index] = true;
    }
    return true;
}

/* 0, or an exit code after a message. */
static int read_options(struct demo_options *options, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"json", .flag = &options->json},
        {"no-pause", .flag = &options->no_pause},
        {"color", .choice = &options->color, .words = option_colors},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {.name = NULL},
    };
    const struct option_form form = {.verb = "lab",
                                     .help = help,
                                     .helped = &options->help,
                                     .rows = rows,
                                     .is_ended_by_word = true};
    char **words;

    *options = (struct demo_options){.json = false};
    int result = option_table_read(&form, argc, argv, &words);
    if (result || options->help)
        return result;
    return choose(options, words) ? 0 : EXIT_OWN_ERROR;
}

/* Waits for Enter; false: no more. */
static bool wait_for_reader(void)
{
    char *line = NULL;
    size_t room = 0;

    fputs("-- Enter goes on, q ends -- ", stdout);
    fflush(stdout);
    bool goes_on = getline(&line, &room, stdin) >= 0 && line[0] != 'q';
    free(line);
    fputc('\n', stdout);
    return goes_on;
}

static bool run_text(const struct demo_options *options, FILE *to)
{
    bool pauses = !options->no_pause && !options->output && isatty(STDIN_FILENO) &&
                  isatty(STDOUT_FILENO);
    struct demo demo = {.to = to, .color = output_wants_color(options->color, fileno(to))};
    size_t shown = 0;

    for (size_t i = 0; i < DEMOS; i++) {
        if (!options->chosen[i])
            continue;
        if (shown++ > 0 && pauses && !wait_for_reader())
            return true;
        char *title = memory_format("%zu. %s", i + 1, demos[i].title);
        table_styled(to, demo.color, STYLE_HEAD, title);
        fputs("\n\n", to);
        free(title);
        if (!demos[i].run(&demo))
            return false;
        fflush(to);
    }
    return true;
}

static bool run_json(const struct demo_options *options, FILE *to, char *const *command)
{
    json_t *document = document_new("cairn.lab.demo", VERSION, "Demonstrations", command);
    bool good = true;

    for (size_t i = 0; i < DEMOS && good; i++) {
        char *text = NULL;
        size_t size;
        if (!options->chosen[i])
            continue;
        struct demo demo = {.to = open_memstream(&text, &size), .document = document};
        good = demo.to && demos[i].run(&demo);
        if (demo.to)
            fclose(demo.to);
        document_text(document, demos[i].title, text ? text : "");
        free(text);
    }
    if (good)
        json_finish(document, to);
    else
        json_decref(document);
    return good;
}

int lab_demo(int argc, char **argv)
{
    struct demo_options options;
    struct output output;

    int result = read_options(&options, argc, argv);
    if (result || options.help)
        return result;
    if (!output_open(&output, options.output, options.overwrite, stdout))
        return EXIT_OWN_ERROR;
    FILE *to = output_begin(&output);
    char **command = lab_command(argc, argv);
    bool good = options.json ? run_json(&options, to, command) : run_text(&options, to);
    free(command);
    if (!good) {
        output_abandon(&output);
        return EXIT_OWN_ERROR;
    }
    return output_close(&output) ? 0 : EXIT_OWN_ERROR;
}
