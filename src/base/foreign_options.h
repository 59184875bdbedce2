/* SPDX-License-Identifier: MIT */
/*
 * Hints for those who come from another allocator: its options have no effect here, and what Cairn has
 * for the same purpose. The table is foreign_options.def; the library says it with CAIRN_VERBOSE=1, and
 * `cairn run` in its report. Stands alone: the command includes it too.
 */
#ifndef CAIRN_BASE_FOREIGN_OPTIONS_H
#define CAIRN_BASE_FOREIGN_OPTIONS_H

#include <stddef.h>

enum { FOREIGN_HINT_SIZE = 400 };

/*
 * If `entry`, NAME=value, is an option of another allocator: puts a sentence on it into `hint`, with its
 * end, and returns its length:
 *   MALLOC_CONF is jemalloc's: for dirty_decay_ms set CAIRN_PURGE_DELAY (docs/migration.md)
 * Else, or if the value is empty, 0. What does not fit is left out. Never allocates.
 */
size_t cairn__foreign_hint(const char *entry, char hint[FOREIGN_HINT_SIZE]);

#endif
