/* SPDX-License-Identifier: MIT */
/*
 * `cairn report`: files that cairn has written, as a page, as text, as a document, or in the format
 * of another viewer. A recording is summed up first (profile/); a document is drawn as it is.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"
#include "page/document_file.h"
#include "page/page.h"
#include "page/plain.h"
#include "page/recording.h"
#include "page/report.h"
#include "page/terminal.h"
#include "text.h"
#include "verbs.h"

static const char help[] =
    "Example:  cairn record -o my.czt ./prog; cairn report my.czt\n"
    "\n"
    "Usage: cairn report [OPTION...] FILE...\n"
    "Makes a page of recordings, and of documents that other verbs wrote (--json): an HTML file\n"
    "that holds all it needs, with a part for each FILE.\n"
    "\n"
    "  -o, --output FILE      the page (cairn.NAME.html); - is standard output\n"
    "  -f, --overwrite        FILE may exist\n"
    "      --text             print the report to the terminal instead\n"
    "      --json             print the document instead (several: an array of them)\n"
    "      --export FORMAT    write for another viewer: pprof, folded, speedscope, massif, dhat,\n"
    "                         heap; and `folded:peak` and its like: `list` tells\n"
    "      --process N        of a recording: process N alone (0 is the first)\n"
    "      --suppressions F   leave out known leaks: lines as `leak:function`\n"
    "      --fail-on LIMITS   exit code 1 if a recording exceeds one: leak, peak>64M,\n"
    "                         bytes>1G, allocs>1000, temporary>50%, with commas between\n"
    "      --color WHEN       auto, always or never;  -h, --help: this page\n"
    "\n"
    "Exit code: 0; 1 if --fail-on found something, or a recording for it is not whole;\n"
    "125 if a file cannot be read or written.\n";

/* What one file gave. */
struct part {
    const char *path;
    bool is_recording;
    struct recording recording;
    json_t *document; /* NULL while it is not needed */
};

static bool part_read(struct part *part, const char *path, const struct report_options *options,
                      char **argv)
{
    enum document_source source = document_source_of(path);

    *part = (struct part){.path = path, .is_recording = source == SOURCE_RECORDING};
    if (source == SOURCE_NONE)
        return false;
    const char *unfit = options->form == REPORT_EXPORT ? "--export"
                        : options->limits.count        ? "--fail-on"
                        : options->process >= 0        ? "--process"
                        : options->suppressions        ? "--suppressions"
                                                       : NULL;
    if (source == SOURCE_DOCUMENT && unfit) {
        message("%s is a document: %s wants a recording", path, unfit);
        return false;
    }
    if (source == SOURCE_DOCUMENT)
        return (part->document = document_read(path)) != NULL;
    if (!recording_read(&part->recording, path, options))
        return false;
    if (options->form == REPORT_PAGE || options->form == REPORT_JSON)
        part->document = recording_document(&part->recording, argv);
    return true;
}

static void part_fini(struct part *part)
{
    if (part->is_recording)
        recording_fini(&part->recording);
    json_decref(part->document);
}

/* cairn.NAME.html in this folder; without what is the file's own cairn. or ending. */
char *report_page_name(const char *path)
{
    bool is_nameless = strcmp(path, "-") == 0 || strncmp(path, "/dev/fd/", 8) == 0;
    const char *name = is_nameless ? "recording" : text_basename(path);

    if (strncmp(name, "cairn.", 6) == 0 && name[6])
        name += 6;
    const char *point = strrchr(name, '.');
    int length = point && point > name ? (int)(point - name) : (int)strlen(name);
    return memory_format("cairn.%.*s.html", length, name);
}

void report_tell_page(const char *path, const char *next, const json_t *document)
{
    struct stat status;
    char size[TEXT_SHORT];

    printf("%s  %s\n", path,
           stat(path, &status) == 0 ? text_bytes(size, (double)status.st_size) : "");
    document_summary(document, stdout, 5);
    char *quoted = text_quoted(path);
    printf("open it: xdg-open %s    %s\n", quoted, next);
    free(quoted);
}

static void print_text(struct part *parts, size_t count, FILE *to, enum color_when when)
{
    size_t columns = output_columns(fileno(to));
    bool color = output_wants_color(when, fileno(to));

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc('\n', to);
        if (parts[i].is_recording) {
            recording_print(&parts[i].recording, to, columns, color);
        } else {
            document_complete(parts[i].document, parts[i].path);
            document_print(parts[i].document, to, columns, color);
        }
    }
}

static json_t *all_documents(struct part *parts, size_t count)
{
    json_t *documents = json_array();

    for (size_t i = 0; i < count; i++)
        json_append(documents, json_incref(parts[i].document));
    return documents;
}

/* Writes what is wanted. False after a message. */
static bool write_report(struct part *parts, size_t count, const struct report_options *options,
                         FILE *to)
{
    json_t *documents;
    char *title;

    switch (options->form) {
    case REPORT_TEXT:
        print_text(parts, count, to, options->color);
        return true;
    case REPORT_EXPORT:
        return recording_export(&parts[0].recording, options->export_format, to);
    case REPORT_JSON:
        for (size_t i = 0; i < count; i++) {
            fputs(i ? ",\n" : count > 1 ? "[" : "", to);
            document_write(parts[i].document, to);
        }
        fputs(count > 1 ? "]\n" : "\n", to);
        return true;
    case REPORT_PAGE:
        break;
    }
    documents = all_documents(parts, count);
    title = count > 1 ? memory_format("%s and %zu more", text_basename(parts[0].path), count - 1)
                      : NULL;
    for (size_t i = 0; i < count && count > 1; i++)
        json_put(parts[i].document, "file", json_from_text(text_basename(parts[i].path)));
    page_write(documents, title, to);
    json_decref(documents);
    free(title);
    return true;
}

/* Opens the output, writes, and closes it. False after a message. */
static bool put(struct part *parts, size_t count, const struct report_options *options,
                const char *path)
{
    struct output output;

    if (!output_open(&output, path, options->overwrite, stdout))
        return false;
    FILE *to = output_begin(&output);
    if (!write_report(parts, count, options, to)) {
        output_abandon(&output);
        return false;
    }
    return output_close(&output);
}

static int report(struct part *parts, size_t count, const struct report_options *options)
{
    bool to_stdout = options->output && strcmp(options->output, "-") == 0;
    bool makes_page = options->form == REPORT_PAGE && !to_stdout;
    char *name = makes_page && !options->output ? report_page_name(parts[0].path) : NULL;
    const char *path = name ? name : to_stdout ? NULL : options->output;
    bool written = put(parts, count, options, path), within = true;

    if (written && makes_page) {
        char *quoted = text_quoted(parts[0].path);
        char *next = memory_format("as text: cairn report --text %s", quoted);
        report_tell_page(path, next, parts[0].document);
        free(next);
        free(quoted);
    }
    if (written && path && !makes_page)
        printf("written to %s\n", path);
    for (size_t i = 0; i < count; i++)
        if (parts[i].is_recording)
            within = recording_within(&parts[i].recording, &options->limits) && within;
    free(name);
    return !written ? EXIT_OWN_ERROR : within ? 0 : EXIT_DIFFERS;
}

static bool is_same_file(const char *path, const struct stat *status)
{
    struct stat other;

    return stat(path, &other) == 0 && other.st_dev == status->st_dev &&
           other.st_ino == status->st_ino;
}

bool report_may_write(const struct report_options *options, const char *verb, const char *page)
{
    const char *path = options->output                ? options->output
                       : options->form == REPORT_PAGE ? page
                                                      : "-";
    struct stat status;

    if (strcmp(path, "-") == 0 || stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return true;
    for (int i = 0; i < options->count; i++) {
        if (is_same_file(options->files[i], &status)) {
            message("%s: %s cannot be written while it is read", verb, path);
            return false;
        }
    }
    if (!options->overwrite)
        message("%s exists; -f overwrites it", path);
    return options->overwrite;
}

static bool may_write(const struct report_options *options)
{
    char *page = report_page_name(options->files[0]);
    bool may = report_may_write(options, "report", page);

    free(page);
    return may;
}

int report_main(int argc, char **argv)
{
    struct report_options options;
    int result = report_options_read(&options, "report", help, argc, argv);

    if (result == 0 && !options.help && options.count == 0) {
        message("report: which file? (see cairn report --help)");
        result = EXIT_OWN_ERROR;
    } else if (result == 0 && options.form == REPORT_EXPORT && options.count > 1) {
        message("report: --export takes one recording, not %d", options.count);
        result = EXIT_OWN_ERROR;
    }
    if (result || options.help || !may_write(&options)) {
        report_options_fini(&options);
        return result ? result : options.help ? 0 : EXIT_OWN_ERROR;
    }

    struct part *parts = memory_take((size_t)options.count, sizeof *parts);
    size_t count = 0;
    while (count < (size_t)options.count && result == 0) {
        if (part_read(&parts[count], options.files[count], &options, argv))
            count++;
        else
            result = EXIT_OWN_ERROR;
    }
    if (result == 0)
        result = report(parts, count, &options);
    while (count > 0)
        part_fini(&parts[--count]);
    free(parts);
    report_options_fini(&options);
    return result;
}
