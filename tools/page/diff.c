/* SPDX-License-Identifier: MIT */
/*
 * `cairn diff`: what changed from one recording to another, or from one document to another of the
 * same schema, in the forms of `cairn report`.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"
#include "page/difference.h"
#include "page/document_file.h"
#include "page/page.h"
#include "page/recording.h"
#include "page/report.h"
#include "page/terminal.h"
#include "text.h"
#include "verbs.h"

static const char help[] =
    "Example:  cairn diff before.czt after.czt\n"
    "\n"
    "Usage: cairn diff [OPTION...] BEFORE AFTER\n"
    "What changed from one recording to another, or between two documents of the same verb\n"
    "(--json): stacks by the names of their functions, figures by theirs.\n"
    "\n"
    "  -o, --output FILE      the page (cairn.diff.html); - is standard output\n"
    "  -f, --overwrite        FILE may exist\n"
    "      --text             print the difference to the terminal instead\n"
    "      --json             print it as a document instead\n"
    "      --process N        of recordings: process N alone (0 is the first)\n"
    "      --suppressions F   leave out known leaks: lines as `leak:function`\n"
    "      --color WHEN       auto, always or never;  -h, --help: this page\n"
    "\n"
    "Exit code: 0, also if there are differences; 125 if a file cannot be read or written.\n";

static bool write_difference(json_t *document, const struct report_options *options,
                             const char *path)
{
    struct output output;

    if (!output_open(&output, path, options->overwrite, stdout))
        return false;
    FILE *to = output_begin(&output);
    if (options->form == REPORT_JSON) {
        document_write(document, to);
        fputc('\n', to);
    } else if (options->form == REPORT_TEXT) {
        document_print(document, to, output_columns(fileno(to)),
                       output_wants_color(options->color, fileno(to)));
    } else {
        json_t *documents = json_array();
        json_append(documents, json_incref(document));
        page_write(documents, NULL, to);
        json_decref(documents);
    }
    return output_close(&output);
}

/* Writes the document, and tells where. Returns the exit code. */
static int tell(json_t *document, const struct report_options *options)
{
    bool to_stdout = options->output && strcmp(options->output, "-") == 0;
    bool makes_page = options->form == REPORT_PAGE && !to_stdout;
    const char *path = to_stdout         ? NULL
                       : options->output ? options->output
                       : makes_page      ? "cairn.diff.html"
                                         : NULL;

    bool written = write_difference(document, options, path);
    if (written && makes_page) {
        char *before = text_quoted(options->files[0]), *after = text_quoted(options->files[1]);
        char *next = memory_format("as text: cairn diff --text %s %s", before, after);
        report_tell_page(path, next, document);
        free(next);
        free(before);
        free(after);
    }
    json_decref(document);
    return written ? 0 : EXIT_OWN_ERROR;
}

/* Two recordings. */
static int compare_recordings(const struct report_options *options, char **argv)
{
    struct recording before, after;
    int result = EXIT_OWN_ERROR;

    if (!recording_read(&before, options->files[0], options))
        return result;
    if (recording_read(&after, options->files[1], options)) {
        if (options->form == REPORT_TEXT && !options->output) {
            recording_print_difference(&before, &after, stdout, output_columns(STDOUT_FILENO),
                                       output_wants_color(options->color, STDOUT_FILENO));
            result = 0;
        } else {
            result = tell(recording_difference(&before, &after, argv), options);
        }
        recording_fini(&after);
    }
    recording_fini(&before);
    return result;
}

/* The document in a file, or of the recording in it. NULL after a message. */
static json_t *document_from(const char *path, enum document_source source,
                             const struct report_options *options, char **argv)
{
    struct recording recording;

    if (source == SOURCE_DOCUMENT)
        return document_read(path);
    if (!recording_read(&recording, path, options))
        return NULL;
    json_t *document = recording_document(&recording, argv);
    recording_fini(&recording);
    return document;
}

static int compare_documents(const struct report_options *options,
                             const enum document_source sources[2], char **argv)
{
    json_t *documents[2] = {NULL, NULL};
    const char *schemas[2];
    int result = EXIT_OWN_ERROR;

    for (int i = 0; i < 2; i++) {
        documents[i] = document_from(options->files[i], sources[i], options, argv);
        if (!documents[i])
            break;
        schemas[i] = json_string_value(json_object_get(documents[i], "schema"));
    }
    if (documents[0] && documents[1]) {
        if (strcmp(schemas[0], schemas[1]) != 0)
            message("diff: %s is %s, and %s is %s: they cannot be compared", options->files[0],
                    schemas[0], options->files[1], schemas[1]);
        else
            result = tell(document_difference(documents[0], documents[1], argv), options);
    }
    json_decref(documents[0]);
    json_decref(documents[1]);
    return result;
}

int diff_main(int argc, char **argv)
{
    struct report_options options;
    int result = report_options_read(&options, "diff", help, argc, argv);

    if (result || options.help) {
        report_options_fini(&options);
        return result;
    }
    enum document_source sources[2] = {SOURCE_NONE, SOURCE_NONE};
    if (options.count != 2) {
        message("diff: two files are compared, not %d (see cairn diff --help)", options.count);
        return EXIT_OWN_ERROR;
    }
    for (int i = 0; i < 2; i++) {
        sources[i] = document_source_of(options.files[i]);
        if (sources[i] == SOURCE_NONE)
            return EXIT_OWN_ERROR;
    }
    if (sources[0] == SOURCE_RECORDING && sources[1] == SOURCE_RECORDING)
        return compare_recordings(&options, argv);
    return compare_documents(&options, sources, argv);
}
