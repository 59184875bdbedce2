/* SPDX-License-Identifier: MIT */
/*
 * Memory for our own records (heaps, regions, large mappings), apart from all user blocks. Taken in
 * cache-line multiples and never returned: whoever takes records keeps the unused ones for the next
 * time, so a record's address stays a record of its kind for good, and a late reader finds one.
 */
#ifndef CAIRN_CORE_METADATA_H
#define CAIRN_CORE_METADATA_H

#include "base/config.h"

/* Zeroed, aligned to CACHE_LINES; NULL when out of memory. Any thread. */
void *cairn__metadata_take(size_t size);
/* Bytes mapped for records so far. */
size_t cairn__metadata_mapped(void);

void cairn__metadata_before_fork(void);
void cairn__metadata_after_fork(bool child);

#endif
