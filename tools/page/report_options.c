/* SPDX-License-Identifier: MIT */
/* The options of `cairn report` and `cairn diff`: see report_options.h. */
#define _GNU_SOURCE
#include "page/report_options.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "message.h"
#include "option_table.h"

/* `--export list` */
static void list_formats(void)
{
    for (const struct export_format *format = export_formats; format->name; format++)
        printf("%-17s %s\n", format->name, format->summary);
}

/* One form only: the others would be written by nobody. */
static bool choose(struct report_options *options, const char *verb, enum report_form form)
{
    bool good = options->form == REPORT_PAGE || options->form == form;

    if (!good)
        message("%s: one of %s", verb,
                strcmp(verb, "report") == 0 ? "--text, --json and --export" : "--text and --json");
    options->form = form;
    return good;
}

/* What the options are put into, and for which verb. */
struct reading {
    struct report_options *options;
    const char *verb;
};

static bool take_text(void *context, const char *none)
{
    const struct reading *reading = context;

    (void)none;
    return choose(reading->options, reading->verb, REPORT_TEXT);
}

static bool take_json(void *context, const char *none)
{
    const struct reading *reading = context;

    (void)none;
    return choose(reading->options, reading->verb, REPORT_JSON);
}

static bool take_format(void *context, const char *word)
{
    const struct reading *reading = context;
    const char *const *formats = export_names();

    if (strcmp(word, "list") == 0) {
        list_formats();
        reading->options->help = true;
        return false;
    }
    int format = option_word(reading->verb, "format", word, formats, "cairn report --export list");
    if (format >= 0)
        reading->options->export_format = formats[format];
    return format >= 0 && choose(reading->options, reading->verb, REPORT_EXPORT);
}

static bool take_limit(void *context, const char *text)
{
    const struct reading *reading = context;

    return limits_add(&reading->options->limits, text);
}

int report_options_read(struct report_options *options, const char *verb, const char *help,
                        int argc, char **argv)
{
    bool is_report = strcmp(verb, "report") == 0;
    uint64_t process = UINT64_MAX;
    const struct option_row rows[] = {
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {"text", .take = take_text, .is_bare = true},
        {"json", .take = take_json, .is_bare = true},
        {"process", .count = &process, .most = UINT32_MAX},
        {"suppressions", .text = &options->suppressions},
        {"color", .choice = &options->color, .words = option_colors},
        {is_report ? "export" : NULL, .take = take_format}, /* the last of cairn diff */
        {"fail-on", .take = take_limit},
        {.name = NULL},
    };
    struct reading reading = {.options = options, .verb = verb};
    const struct option_form form = {
        .verb = verb, .help = help, .helped = &options->help, .rows = rows, .context = &reading};

    *options = (struct report_options){.process = -1};
    int result = option_table_read(&form, argc, argv, &options->files);
    if (options->help)
        return 0;
    if (process != UINT64_MAX)
        options->process = (long)process;
    while (result == 0 && options->files[options->count])
        options->count++;
    return result;
}

void report_options_fini(struct report_options *options)
{
    limits_fini(&options->limits);
}
