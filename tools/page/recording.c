/* SPDX-License-Identifier: MIT */
/* What the page needs of recordings: see recording.h. */
#define _GNU_SOURCE
#include "page/recording.h"

#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "message.h"
#include "own_memory.h"
#include "profile/profile_document.h"
#include "profile/suppressions.h"

bool recording_read(struct recording *recording, const char *path,
                    const struct report_options *options)
{
    struct profile_choice choice = {
        .all_processes = options->process < 0,
        .process = options->process < 0 ? 0 : (uint32_t)options->process,
    };
    struct suppressions *suppressions = NULL;

    *recording = (struct recording){.symbols = NULL};
    if (options->suppressions && !(suppressions = suppressions_read(options->suppressions)))
        return false;
    if (!profile_read(&recording->profile, path, &choice)) {
        suppressions_free(suppressions);
        return false;
    }
    if (recording->profile.damage)
        message("%s: %s", path, recording->profile.damage);
    recording->symbols = symbols_create(recording->profile.reader);
    if (suppressions)
        suppressions_apply(suppressions, &recording->profile, recording->symbols);
    suppressions_free(suppressions);
    uint32_t processes = trace_processes(recording->profile.reader);
    if (!choice.all_processes && choice.process >= processes) {
        message("%s has no process %u: they are 0 to %u", path, choice.process,
                processes ? processes - 1 : 0);
        recording_fini(recording);
        return false;
    }
    return true;
}

void recording_fini(struct recording *recording)
{
    symbols_destroy(recording->symbols);
    profile_fini(&recording->profile);
}

/* The command as it was typed: the verb's words with its name before them. For free(). */
static char **typed(char **argv)
{
    static char name[] = "cairn";
    size_t count = 0;

    while (argv[count])
        count++;
    char **words = memory_take(count + 2, sizeof *words);
    words[0] = name;
    memcpy(words + 1, argv, count * sizeof *words);
    return words;
}

json_t *recording_document(struct recording *recording, char **argv)
{
    char **words = typed(argv);
    json_t *document = profile_document(&recording->profile, recording->symbols, words);

    free(words);
    return document;
}

void recording_print(struct recording *recording, FILE *to, size_t columns, bool color)
{
    profile_print(&recording->profile, recording->symbols, to, columns, color);
}

static struct profile_named named(const struct recording *recording)
{
    return (struct profile_named){&recording->profile, recording->symbols};
}

/* What became less has a colour of its own in flame graphs. */
static void tint(json_t *document)
{
    json_t *section, *metric;
    size_t index, at;

    json_array_foreach(json_object_get(document, "sections"), index, section)
    {
        json_array_foreach(json_object_get(section, "metrics"), at, metric)
        {
            const char *name = json_string_value(json_object_get(metric, "name"));
            if (name && (strncmp(name, "less ", 5) == 0 || strncmp(name, "fewer ", 6) == 0))
                json_put(metric, "tint", json_from_text("less"));
        }
    }
}

json_t *recording_difference(struct recording *before, struct recording *after, char **argv)
{
    char **words = typed(argv);
    json_t *document = profile_difference(named(before), named(after), words);

    free(words);
    tint(document);
    return document;
}

void recording_print_difference(struct recording *before, struct recording *after, FILE *to,
                                size_t columns, bool color)
{
    profile_difference_print(named(before), named(after), to, columns, color);
}

bool recording_export(struct recording *recording, const char *format, FILE *to)
{
    return export_write(format, &recording->profile, recording->symbols, to) == 0;
}

bool recording_within(const struct recording *recording, const struct limits *limits)
{
    if (limits->count && recording->profile.damage) {
        message("%s is not whole: whether the limits hold cannot be told", recording->profile.path);
        return false;
    }
    const struct profile_sums *whole = &recording->profile.whole;
    const double values[LIMITED] = {
        [LIMITED_LEAK] = (double)whole->live_bytes,
        [LIMITED_PEAK] = (double)whole->peak_bytes,
        [LIMITED_BYTES] = (double)whole->bytes,
        [LIMITED_BLOCKS] = (double)whole->blocks,
        [LIMITED_TEMPORARY] = whole->blocks
                                  ? 100.0 * (double)whole->temporary / (double)whole->blocks
                                  : 0,
    };
    return limits_hold(limits, recording->profile.path, values);
}
