/* SPDX-License-Identifier: MIT */
/* Chooses the format of an export: see export.h. */
#define _GNU_SOURCE
#include "export/export.h"

#include <string.h>
#include <unistd.h>

#include "export/formats.h"
#include "message.h"

const struct export_format export_formats[] = {
    {"pprof", "protobuf, gzipped: go tool pprof, Pyroscope, Parca, Grafana, speedscope"},
    {"folded", "folded stacks by bytes allocated: flamegraph.pl, inferno, speedscope"},
    {"folded:blocks", "the same by blocks allocated"},
    {"folded:peak", "by bytes live at the peak"},
    {"folded:left", "by bytes never freed"},
    {"folded:temporary", "by blocks freed again at once"},
    {"speedscope", "JSON with a profile for each of these: speedscope.app"},
    {"massif", "massif.out: ms_print, massif-visualizer"},
    {"dhat", "DHAT's JSON: dh_view.html, Firefox Profiler"},
    {"heap", "gperftools' heap profile, with names: google-pprof"},
    {NULL, NULL},
};

enum { FORMATS = sizeof export_formats / sizeof *export_formats };

const char *const *export_names(void)
{
    static const char *names[FORMATS];
    for (size_t i = 0; i < FORMATS; i++)
        names[i] = export_formats[i].name;
    return names;
}

static uint64_t bytes(const struct profile_sums *sums)
{
    return sums->bytes;
}

static uint64_t blocks(const struct profile_sums *sums)
{
    return sums->blocks;
}

static uint64_t peak(const struct profile_sums *sums)
{
    return sums->peak_bytes;
}

static uint64_t left(const struct profile_sums *sums)
{
    return sums->live_bytes;
}

static uint64_t temporary(const struct profile_sums *sums)
{
    return sums->temporary;
}

const struct export_metric export_metrics[] = {
    {"bytes", "allocated, bytes", "bytes", bytes},
    {"blocks", "allocated, blocks", "none", blocks},
    {"peak", "live at the peak, bytes", "bytes", peak},
    {"left", "never freed, bytes", "bytes", left},
    {"temporary", "temporary, blocks", "none", temporary},
    {NULL, NULL, NULL, NULL},
};

static const struct export_metric *metric_of(const char *format)
{
    const char *colon = strchr(format, ':');
    const struct export_metric *metric = export_metrics;

    while (colon && metric->name && strcmp(metric->name, colon + 1) != 0)
        metric++;
    return metric->name ? metric : export_metrics;
}

static bool is_known(const char *format)
{
    for (size_t i = 0; export_formats[i].name; i++)
        if (strcmp(format, export_formats[i].name) == 0)
            return true;
    const char *nearest = message_nearest(format, export_names());
    if (nearest)
        message("no export to '%s' (did you mean %s?)", format, nearest);
    else
        message("no export to '%s': there are pprof, heap, folded, speedscope, massif, dhat",
                format);
    return false;
}

int export_write(const char *format, struct profile *profile, struct symbols *symbols, FILE *to)
{
    struct frames frames;

    if (!is_known(format))
        return EXIT_OWN_ERROR;
    if (strcmp(format, "pprof") == 0 && isatty(fileno(to))) {
        message("pprof's format is not for a terminal: it wants -o FILE");
        return EXIT_OWN_ERROR;
    }
    frames_init(&frames, profile, symbols);
    if (strcmp(format, "pprof") == 0)
        export_pprof(profile, &frames, to);
    else if (strcmp(format, "speedscope") == 0)
        export_speedscope(profile, &frames, to);
    else if (strcmp(format, "massif") == 0)
        export_massif(profile, &frames, to);
    else if (strcmp(format, "dhat") == 0)
        export_dhat(profile, &frames, to);
    else if (strcmp(format, "heap") == 0)
        export_heap(profile, &frames, to);
    else
        export_folded(profile, &frames, metric_of(format), to);
    frames_fini(&frames);
    return 0;
}
