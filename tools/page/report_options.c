/* SPDX-License-Identifier: MIT */
/* The options of `cairn report` and `cairn diff`: see report_options.h. */
#define _GNU_SOURCE
#include "page/report_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "message.h"

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

static bool read_format(struct report_options *options, const char *verb, const char *word)
{
    const char *const *formats = export_names();

    options->export_format = NULL;
    for (size_t i = 0; formats[i]; i++)
        if (strcmp(word, formats[i]) == 0)
            options->export_format = formats[i];
    if (options->export_format)
        return choose(options, verb, REPORT_EXPORT);
    const char *nearest = message_nearest(word, formats);
    if (nearest)
        message("%s: no format '%s' (did you mean %s?)", verb, word, nearest);
    else
        message("%s: no format '%s' (see cairn report --export list)", verb, word);
    return false;
}

static bool read_process(struct report_options *options, const char *verb, const char *word)
{
    char *end;

    errno = 0;
    options->process = strtol(word, &end, 10);
    if (*word >= '0' && *word <= '9' && !*end && !errno && options->process <= UINT32_MAX)
        return true;
    message("%s: --process is a number, not '%s'", verb, word);
    return false;
}

int report_options_read(struct report_options *options, const char *verb, const char *help,
                        int argc, char **argv)
{
    enum { TEXT = 256, JSON, EXPORT, PROCESS, SUPPRESSIONS, FAIL_ON, COLOR };
    static const struct option known[] = {
        {"output", required_argument, NULL, 'o'},
        {"overwrite", no_argument, NULL, 'f'},
        {"text", no_argument, NULL, TEXT},
        {"json", no_argument, NULL, JSON},
        {"process", required_argument, NULL, PROCESS},
        {"suppressions", required_argument, NULL, SUPPRESSIONS},
        {"color", required_argument, NULL, COLOR},
        {"help", no_argument, NULL, 'h'},
        {"export", required_argument, NULL, EXPORT},
        {"fail-on", required_argument, NULL, FAIL_ON},
        {NULL, 0, NULL, 0},
    };
    static const struct option shorter[] = {
        {"output", required_argument, NULL, 'o'},
        {"overwrite", no_argument, NULL, 'f'},
        {"text", no_argument, NULL, TEXT},
        {"json", no_argument, NULL, JSON},
        {"process", required_argument, NULL, PROCESS},
        {"suppressions", required_argument, NULL, SUPPRESSIONS},
        {"color", required_argument, NULL, COLOR},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const struct option *all = strcmp(verb, "report") == 0 ? known : shorter;
    bool good = true;
    int option;

    *options = (struct report_options){.process = -1};
    opterr = 0;
    optind = 1;
    while (good && (option = getopt_long(argc, argv, ":o:fh", all, NULL)) != -1) {
        switch (option) {
        case 'o':
            options->output = optarg;
            break;
        case 'f':
            options->overwrite = true;
            break;
        case TEXT:
            good = choose(options, verb, REPORT_TEXT);
            break;
        case JSON:
            good = choose(options, verb, REPORT_JSON);
            break;
        case EXPORT:
            options->help = strcmp(optarg, "list") == 0;
            if (options->help) {
                list_formats();
                return 0;
            }
            good = read_format(options, verb, optarg);
            break;
        case PROCESS:
            good = read_process(options, verb, optarg);
            break;
        case SUPPRESSIONS:
            options->suppressions = optarg;
            break;
        case FAIL_ON:
            good = limits_add(&options->limits, optarg);
            break;
        case COLOR:
            good = output_color_from(optarg, &options->color);
            if (!good)
                message("%s: --color is auto, always or never, not '%s'", verb, optarg);
            break;
        case 'h':
            options->help = true;
            fputs(help, stdout);
            return 0;
        default:
            return message_bad_option(verb, option, argv, all);
        }
    }
    options->files = argv + optind;
    options->count = argc - optind;
    return good ? 0 : EXIT_OWN_ERROR;
}

void report_options_fini(struct report_options *options)
{
    limits_fini(&options->limits);
}
