/* SPDX-License-Identifier: MIT */
/*
 * What can be said about the memory of the process at one moment: the core's figures, and what of
 * all this the system has in memory. The one is divided up so that it adds up to the other:
 *
 *     resident          = resident_own + resident_other
 *     resident_own      = live + returned + unused + kept + metadata - absent
 *
 * where metadata is the records and the tables. What is not known stands in docs/stats.md.
 */
#ifndef CAIRN_WATCH_SNAPSHOT_H
#define CAIRN_WATCH_SNAPSHOT_H

#include "core/figures.h"

struct snapshot {
    struct cairn__figures figures;
    struct class_figures classes[CLASS_COUNT];
    size_t foreign_frees;
    size_t metadata;
    size_t held; /* live + returned + unused + kept + metadata */

    size_t resident; /* of the process; 0: the system does not tell, and the rest is 0 too */
    size_t resident_own;
    size_t resident_other;
    size_t absent; /* of what is held, never touched or swapped out */
};

/* O(memory held): some milliseconds for a GiB. */
void cairn__snapshot_take(struct snapshot *snapshot);

#endif
