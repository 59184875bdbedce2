/* SPDX-License-Identifier: MIT */
/*
 * `cairn trace`: what is in a trace; a trace in another form; a part of it; a trace without names.
 * All but the first is one copy (copy.h). A trace that is damaged is read up to the damage: what
 * there is is given, the damage is said, and the exit code is EXIT_DIFFERS.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "option_table.h"
#include "output.h"
#include "text.h"
#include "trace/copy.h"
#include "trace/reader.h"
#include "trace/summary.h"
#include "verbs.h"

static const char help[] =
    "Example:  cairn trace cairn.sqlite3.4711.czt\n"
    "          cairn trace --text big.czt | grep ' 0x5581a2c010'\n"
    "          cairn trace --compress --seconds 2..3 --anonymise -o small.czt big.czt\n"
    "\n"
    "Usage: cairn trace [OPTION...] FILE\n"
    "Says what is in a trace, or copies it, in whatever form it is: compressed, text, or written\n"
    "by a traced allocator in binary. - is standard input.\n"
    "\n"
    "      --text           as text, to standard output or to the file of -o\n"
    "      --compress       compressed, to the file of -o\n"
    "      --from N, --to M only the events numbered N to M\n"
    "      --seconds A..B   only those of that time since the recording began\n"
    "      --process N      only those of that process (its index, not its pid)\n"
    "      --anonymise      no paths, commands, names, build-ids; addresses and ids renumbered;\n"
    "                       sizes, times and the shape of the calls stay\n"
    "      --json           the summary as JSON (schema cairn.trace)\n"
    "  -o, --output FILE    where to write; - is standard output\n"
    "  -f, --overwrite      even if FILE exists\n"
    "  -h, --help           this page\n"
    "\n"
    "Blocks that are live where a part begins are allocations at its front, so that it can be\n"
    "replayed. Exit code: 0; 1: the trace is damaged, what is before the damage was read; 125.\n";

struct options {
    struct copy_choice choice;
    bool copy, text, compress, json, overwrite, help;
    const char *output, *path;
};

/* "2..3.5", "2.." or "..3" */
static bool read_seconds(void *context, const char *word)
{
    struct copy_choice *choice = context;
    const double most = (double)UINT64_MAX / 2e9;
    const char *dots = strstr(word, "..");
    char *end = NULL;
    double from = 0, to = most;

    bool good = dots != NULL;
    if (good && dots > word) {
        char *first = strndup(word, (size_t)(dots - word));
        from = first ? strtod(first, &end) : NAN;
        good = first && *end == 0;
        free(first);
    }
    if (good && dots[2]) {
        to = strtod(dots + 2, &end);
        good = *end == 0;
    }
    if (!good || !(from >= 0 && from < to && to <= most)) {
        message("trace: --seconds %s: A..B is wanted, as in 0.5..2", word);
        return false;
    }
    choice->from_time = (uint64_t)(from * 1e9);
    if (dots[2])
        choice->to_time = (uint64_t)(to * 1e9);
    return true;
}

/* What the options say together. 0, or an exit code after a message. */
static int check_options(struct options *options, char **files)
{
    bool changes = copy_is_part(&options->choice) || options->choice.anonymise;

    options->copy = options->text || options->compress;
    options->choice.form = options->compress ? TRACE_COMPRESSED : TRACE_TEXT;
    if (!*files)
        message("trace: which file? (see cairn trace --help)");
    else if (files[1])
        message("trace: one file at a time: %s is one too many", files[1]);
    else if (options->text && options->compress)
        message("trace: --text or --compress, not both");
    else if (options->json && options->copy)
        message("trace: --json is for the summary, not for --text or --compress");
    else if (options->compress && !options->output)
        message("trace: --compress needs a file to write to: -o FILE");
    else if (options->compress && strcmp(options->output, "-") == 0 && isatty(STDOUT_FILENO))
        message("trace: the compressed form is not for a terminal: it wants -o FILE");
    else if (changes && !options->copy &&
             (options->choice.anonymise || options->choice.from || options->choice.from_time ||
              options->choice.to < UINT64_MAX || options->choice.to_time < UINT64_MAX))
        message("trace: a part is written with --text or --compress");
    else if (options->choice.from > options->choice.to)
        message("trace: --from is after --to");
    else {
        options->path = files[0];
        if (options->output && strcmp(options->output, "-") == 0)
            options->output = NULL; /* standard output */
        return 0;
    }
    return EXIT_OWN_ERROR;
}

static int read_options(struct options *options, int argc, char **argv)
{
    struct copy_choice *choice = &options->choice;
    uint64_t process = UINT64_MAX;
    const struct option_row rows[] = {
        {"text", .flag = &options->text},
        {"compress", .flag = &options->compress},
        {"from", .count = &choice->from, .most = UINT64_MAX},
        {"to", .count = &choice->to, .most = UINT64_MAX},
        {"seconds", .take = read_seconds},
        {"process", .count = &process, .most = UINT32_MAX - 1},
        {"anonymise", .flag = &choice->anonymise},
        {"anonymize", .is_alias = true},
        {"json", .flag = &options->json},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {.name = NULL},
    };
    const struct option_form form = {
        .verb = "trace", .help = help, .helped = &options->help, .rows = rows, .context = choice};
    char **files;

    *options = (struct options){.choice = {.to = UINT64_MAX, .to_time = UINT64_MAX}};
    int result = option_table_read(&form, argc, argv, &files);
    if (result || options->help)
        return result;
    choice->one_process = process != UINT64_MAX;
    if (choice->one_process)
        choice->process = (uint32_t)process;
    return check_options(options, files);
}

/* The file that is read would be emptied. */
static bool is_itself(const struct options *options)
{
    char *from = realpath(options->path, NULL);
    char *to = options->output ? realpath(options->output, NULL) : NULL;
    bool same = from && to && strcmp(from, to) == 0;

    free(from);
    free(to);
    if (same)
        message("trace: %s cannot be written while it is read", options->path);
    return same;
}

static bool has_process(const struct trace_reader *reader, const struct options *options)
{
    if (!options->choice.one_process || options->choice.process < trace_processes(reader))
        return true;
    message("%s has no process %u: there are %u, counted from 0", options->path,
            options->choice.process, trace_processes(reader));
    return false;
}

static int summarise(struct trace_reader *reader, const struct options *options,
                     struct output *output)
{
    struct summary summary;

    summary_read(&summary, reader,
                 options->choice.one_process ? (long)options->choice.process : -1);
    if (!has_process(reader, options)) {
        summary_fini(&summary);
        output_abandon(output);
        return EXIT_OWN_ERROR;
    }
    FILE *to = output_begin(output);
    if (options->json)
        trace_summary_json(&summary, reader, options->path, to);
    else
        trace_summary_print(&summary, reader, options->path, to);
    summary_fini(&summary);
    return output_close(output) ? 0 : EXIT_OWN_ERROR;
}

static void tell_next(const char *path)
{
    char *quoted = text_quoted(path);
    message("next: cairn trace %s", quoted);
    free(quoted);
}

static int copy(struct trace_reader *reader, const struct options *options, struct output *output)
{
    struct copy_result result;
    char count[TEXT_SHORT], carried[TEXT_SHORT];

    bool written = copy_trace(reader, &options->choice, output_begin(output), &result);
    if (!has_process(reader, options) || !written) {
        output_abandon(output);
        return EXIT_OWN_ERROR;
    }
    if (!output_close(output))
        return EXIT_OWN_ERROR;
    if (!copy_is_part(&options->choice) && !options->output)
        return 0;
    message("%s events written%s%s%s", text_count(count, (double)result.kept),
            result.carried ? ", and before them " : "",
            result.carried ? text_count(carried, (double)result.carried) : "",
            result.carried ? " blocks that were live at the start, as allocations" : "");
    if (options->output)
        tell_next(options->output);
    return 0;
}

int trace_main(int argc, char **argv)
{
    struct options options;
    struct output output;

    int code = read_options(&options, argc, argv);
    if (code || options.help)
        return code;
    if (is_itself(&options))
        return EXIT_OWN_ERROR;
    struct trace_reader *reader = trace_open(options.path);
    if (!reader)
        return EXIT_OWN_ERROR;
    if (!output_open(&output, options.output, options.overwrite, stdout)) {
        trace_close(reader);
        return EXIT_OWN_ERROR;
    }
    code = options.copy ? copy(reader, &options, &output) : summarise(reader, &options, &output);
    if (code == 0 && trace_damage(reader)) {
        message("%s: %s", options.path, trace_damage(reader));
        code = EXIT_DIFFERS;
    }
    trace_close(reader);
    return code;
}
