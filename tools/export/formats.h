/* SPDX-License-Identifier: MIT */
/* The formats that export.c chooses from, one file each. */
#ifndef CAIRN_TOOLS_EXPORT_FORMATS_H
#define CAIRN_TOOLS_EXPORT_FORMATS_H

#include "export/frames.h"

/* What folded stacks and speedscope's profiles count. */
struct export_metric {
    const char *name, *title;
    const char *unit; /* as speedscope has them */
    uint64_t (*of)(const struct profile_sums *sums);
};

extern const struct export_metric export_metrics[]; /* ended by a NULL name */

void export_pprof(const struct profile *profile, struct frames *frames, FILE *to);
void export_folded(const struct profile *profile, struct frames *frames,
                   const struct export_metric *metric, FILE *to);
void export_speedscope(const struct profile *profile, struct frames *frames, FILE *to);
void export_massif(const struct profile *profile, struct frames *frames, FILE *to);
void export_heap(const struct profile *profile, struct frames *frames, FILE *to);
void export_dhat(const struct profile *profile, struct frames *frames, FILE *to);

#endif
