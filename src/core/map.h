/* SPDX-License-Identifier: MIT */
/*
 * The map of what lies outside the window: from the 2 MiB granule that an address is in to the
 * region or the large mapping that begins or lies there. Two levels, 48-bit addresses. Only slow
 * paths look here; looking takes no lock.
 *
 * An entry changes only while no block that it describes is live (a region goes when nothing in it is in use; a large
 * mapping's entry is cleared by the one that frees it), so a reader that holds a live block's address
 * reads a stable entry; with any other address it reads an entry or nothing, never a wild pointer,
 * because records are never unmapped.
 */
#ifndef CAIRN_CORE_MAP_H
#define CAIRN_CORE_MAP_H

#include "base/config.h"

enum map_kind { MAP_NOTHING, MAP_REGION, MAP_HUGE };

struct map_entry {
    enum map_kind kind;
    void *record; /* struct region or struct huge */
};

struct map_entry cairn__map_find(const void *ptr);

/* granule: aligned to CHUNK_SIZE. False: out of memory, or an address beyond 48 bits. */
bool cairn__map_set(const void *granule, enum map_kind kind, void *record);

/* MAP_HUGE only: clears the entry if it is still this one. False: somebody else was first. */
bool cairn__map_clear(const void *granule, void *record);

#endif
