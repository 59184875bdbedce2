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
#include "page/plain.h"
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

static const char page_name[] = "cairn.diff.html";

/* What is compared: two documents, or two recordings. */
struct pair {
    json_t *document;                 /* the difference; of recordings as text: NULL */
    struct recording *before, *after; /* NULL: documents */
};

static bool write_difference(const struct pair *pair, const struct report_options *options,
                             const char *path)
{
    json_t *document = pair->document;
    struct output output;

    if (!output_open(&output, path, options->overwrite, stdout))
        return false;
    FILE *to = output_begin(&output);
    if (options->form == REPORT_JSON) {
        document_write(document, to);
        fputc('\n', to);
    } else if (options->form == REPORT_TEXT) {
        size_t columns = output_columns(fileno(to));
        bool color = output_wants_color(options->color, fileno(to));
        if (pair->before)
            recording_print_difference(pair->before, pair->after, to, columns, color);
        else
            document_print(document, to, columns, color);
    } else {
        json_t *documents = json_array();
        json_append(documents, json_incref(document));
        page_write(documents, NULL, to);
        json_decref(documents);
    }
    return output_close(&output);
}

/* Writes it, and tells where. Gives up the document. Returns the exit code. */
static int tell(const struct pair *pair, const struct report_options *options)
{
    bool to_stdout = options->output && strcmp(options->output, "-") == 0;
    bool makes_page = options->form == REPORT_PAGE && !to_stdout;
    const char *path = to_stdout         ? NULL
                       : options->output ? options->output
                       : makes_page      ? page_name
                                         : NULL;

    bool written = write_difference(pair, options, path);
    if (written && makes_page) {
        char *before = text_quoted(options->files[0]), *after = text_quoted(options->files[1]);
        char *next = memory_format("as text: cairn diff --text %s %s", before, after);
        report_tell_page(path, next, pair->document);
        free(next);
        free(before);
        free(after);
    }
    if (written && path && !makes_page)
        printf("written to %s\n", path);
    json_decref(pair->document);
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
        struct pair pair = {.before = &before, .after = &after};
        if (options->form != REPORT_TEXT)
            pair.document = recording_difference(&before, &after, argv);
        result = tell(&pair, options);
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
        document_complete(documents[i], options->files[i]);
        schemas[i] = json_string_value(json_object_get(documents[i], "schema"));
    }
    if (documents[0] && documents[1]) {
        if (strcmp(schemas[0], schemas[1]) != 0)
            message("diff: %s is %s, and %s is %s: they cannot be compared", options->files[0],
                    schemas[0], options->files[1], schemas[1]);
        else
            result = tell(
                &(struct pair){.document = document_difference(documents[0], documents[1], argv)},
                options);
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
    if (!report_may_write(&options, "diff", page_name))
        return EXIT_OWN_ERROR;
    const char *unfit = options.process >= 0   ? "--process"
                        : options.suppressions ? "--suppressions"
                                               : NULL;
    for (int i = 0; i < 2; i++) {
        sources[i] = document_source_of(options.files[i]);
        if (sources[i] == SOURCE_DOCUMENT && unfit)
            message("%s is a document: %s wants a recording", options.files[i], unfit);
        if (sources[i] == SOURCE_NONE || (sources[i] == SOURCE_DOCUMENT && unfit))
            return EXIT_OWN_ERROR;
    }
    if (sources[0] == SOURCE_RECORDING && sources[1] == SOURCE_RECORDING)
        return compare_recordings(&options, argv);
    return compare_documents(&options, sources, argv);
}
