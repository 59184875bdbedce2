/* SPDX-License-Identifier: MIT */
/* The two forms in which cairn_stats_print prints a snapshot. */
#ifndef CAIRN_WATCH_STATS_H
#define CAIRN_WATCH_STATS_H

#include "watch/output.h"
#include "watch/snapshot.h"

/* A dozen lines that add up; with `tables`, then a line for each class and each heap. */
void cairn__stats_text(struct output *output, const struct snapshot *snapshot, bool tables);

/* All of it, one line. */
void cairn__stats_json(struct output *output, const struct snapshot *snapshot);

/* One word. */
const char *cairn__stats_heap_state(const struct heap_figures *row);

#endif
