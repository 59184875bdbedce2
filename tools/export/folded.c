/* SPDX-License-Identifier: MIT */
/*
 * Folded stacks, one a line: functions from the outermost to the innermost with ; between, a space,
 * and how much (Brendan Gregg's stackcollapse). Lines may repeat; what reads them adds them up.
 */
#include <inttypes.h>

#include "export/formats.h"

/* A function's name without what separates names and lines. */
static void put_name(const char *name, FILE *to)
{
    for (; *name; name++)
        putc(*name == ';' ? ':' : (unsigned char)*name < ' ' ? ' ' : *name, to);
}

void export_folded(const struct profile *profile, struct frames *frames,
                   const struct export_metric *metric, FILE *to)
{
    for (uint32_t node = 0; node < trace_nodes(profile->reader); node++) {
        uint64_t value = metric->of(&profile->stacks[node]);
        if (!value)
            continue;
        for (size_t i = frames_of(frames, node); i > 0; i--) {
            put_name(frames->frames[frames->stack[i - 1]].function, to);
            putc(i > 1 ? ';' : ' ', to);
        }
        fprintf(to, "%" PRIu64 "\n", value);
    }
}
