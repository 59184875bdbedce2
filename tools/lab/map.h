/* SPDX-License-Identifier: MIT */
/*
 * A picture of the memory at one moment: runs of bytes by address, from the region's start on, each
 * of them in one state. Blocks in use are known from the player, free ones from the allocator's
 * visit; what is neither is its records, tags and padding, or, if it does not tell what is free, not
 * known.
 */
#ifndef CAIRN_TOOLS_LAB_MAP_H
#define CAIRN_TOOLS_LAB_MAP_H

#include "lab/player.h"

enum map_state {
    MAP_FREE,
    MAP_USED,  /* asked for */
    MAP_WASTE, /* granted, not asked for */
    MAP_OTHER, /* records, tags, padding; or not known */
    MAP_STATES
};

/* tells_free: what is neither in use nor free is the allocator's own; else it is not known. */
const char *map_state_name(enum map_state state, bool tells_free);

struct map_run {
    uint64_t at, size; /* bytes from the start */
    uint32_t block;    /* MAP_USED, MAP_WASTE */
    enum map_state state;
};

/* Zeroed, it is empty; used again, it keeps its room. */
struct map {
    struct map_run *runs; /* without gaps between them */
    size_t count, room;
    uint64_t size; /* bytes in all */
};

/* False, and the map is empty: the blocks lie too far apart for a picture. */
bool map_take(struct map *map, const struct player *player);
void map_fini(struct map *map);

#endif
