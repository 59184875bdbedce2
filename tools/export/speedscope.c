/* SPDX-License-Identifier: MIT */
/*
 * speedscope's own JSON (its file-format-schema.json): the frames once, and for each metric a profile
 * of samples, which are stacks with weights.
 */
#include <inttypes.h>

#include "export/formats.h"

static void put_profile(const struct profile *profile, struct frames *frames,
                        const struct export_metric *metric, FILE *to)
{
    uint32_t nodes = trace_nodes(profile->reader);
    uint64_t sum = 0;
    bool first = true;

    fprintf(to,
            "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"%s\",\"startValue\":0,\"samples\":[",
            metric->title, metric->unit);
    for (uint32_t node = 0; node < nodes; node++) {
        if (!metric->of(&profile->stacks[node]))
            continue;
        sum += metric->of(&profile->stacks[node]);
        fputs(first ? "[" : ",\n[", to);
        first = false;
        for (size_t i = frames_of(frames, node); i > 0; i--)
            fprintf(to, "%" PRIu32 "%s", frames->stack[i - 1], i > 1 ? "," : "]");
    }
    fputs("],\n\"weights\":[", to);
    first = true;
    for (uint32_t node = 0; node < nodes; node++) {
        uint64_t value = metric->of(&profile->stacks[node]);
        if (value)
            fprintf(to, "%s%" PRIu64, first ? "" : ",", value);
        first = first && !value;
    }
    fprintf(to, "],\"endValue\":%" PRIu64 "}", sum);
}

void export_speedscope(const struct profile *profile, struct frames *frames, FILE *to)
{
    fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
          "\"exporter\":\"cairn\",\"activeProfileIndex\":0,\"name\":",
          to);
    export_json_text(to, export_command(profile));
    fputs(",\n\"profiles\":[", to);
    for (const struct export_metric *metric = export_metrics; metric->name; metric++) {
        put_profile(profile, frames, metric, to);
        fputs(metric[1].name ? ",\n" : "],\n", to);
    }
    fputs("\"shared\":{\"frames\":[", to);
    for (size_t i = 0; i < frames->names.count; i++) { /* all that the samples named */
        const struct frame *frame = &frames->frames[i];
        fputs(i ? ",\n{\"name\":" : "{\"name\":", to);
        export_json_text(to, frame->function);
        if (frame->file) {
            fputs(",\"file\":", to);
            export_json_text(to, frame->file);
            if (frame->line)
                fprintf(to, ",\"line\":%u", frame->line);
        }
        putc('}', to);
    }
    fputs("]}}\n", to);
}
