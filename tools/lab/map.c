/* SPDX-License-Identifier: MIT */
/* Pictures of the memory: see map.h. */
#define _GNU_SOURCE
#include "lab/map.h"

#include <stdlib.h>

#include "lab/metrics.h"
#include "own_memory.h"

#define SIZE_MOST ((uint64_t)1 << 30)
enum { START_ALIGN = 1 << 16 };

const char *map_state_name(enum map_state state, bool tells_free)
{
    static const char *const names[] = {"free", "used", "lost inside blocks", "records"};

    return state == MAP_OTHER && !tells_free ? "not known" : names[state];
}

struct drawing {
    struct map *map;
    const struct player *player;
    uintptr_t start;
};

static void add(struct map *map, uint64_t at, uint64_t size, enum map_state state, uint32_t block)
{
    if (size == 0)
        return;
    if (map->count == map->room) {
        map->room = map->room ? map->room * 2 : 256;
        map->runs = memory_resize(map->runs, map->room, sizeof *map->runs);
    }
    map->runs[map->count++] = (struct map_run){
        .at = at, .size = size, .block = block, .state = state};
}

static bool add_free(void *context, void *ptr, size_t size, bool in_use)
{
    struct drawing *drawing = context;

    if (!in_use)
        add(drawing->map, (uintptr_t)ptr - drawing->start, size, MAP_FREE, 0);
    return true;
}

static void add_blocks(struct drawing *drawing)
{
    for (uint32_t i = 0; i < drawing->player->ops->blocks; i++) {
        const struct player_block *block = &drawing->player->blocks[i];
        if (!block->ptr)
            continue;
        uint64_t at = (uintptr_t)block->ptr - drawing->start;
        add(drawing->map, at, block->size, MAP_USED, i);
        if (block->granted > block->size)
            add(drawing->map, at + block->size, block->granted - block->size, MAP_WASTE, i);
    }
}

static int by_address(const void *left, const void *right)
{
    const struct map_run *a = left, *b = right;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* What lies between the runs becomes runs of its own. */
static void fill(struct map *map)
{
    size_t known = map->count;
    uint64_t at = 0;

    for (size_t i = 0; i < known; i++) {
        if (map->runs[i].at > at)
            add(map, at, map->runs[i].at - at, MAP_OTHER, 0);
        at = map->runs[i].at + map->runs[i].size;
    }
    if (map->size > at)
        add(map, at, map->size - at, MAP_OTHER, 0);
    else
        map->size = at;
    if (map->count > 0)
        qsort(map->runs, map->count, sizeof *map->runs, by_address);
}

/* Where the blocks lie, if there is no region. */
static void find_blocks(struct drawing *drawing)
{
    uintptr_t low = UINTPTR_MAX, high = 0;

    for (uint32_t i = 0; i < drawing->player->ops->blocks; i++) {
        const struct player_block *block = &drawing->player->blocks[i];
        if (!block->ptr)
            continue;
        if ((uintptr_t)block->ptr < low)
            low = (uintptr_t)block->ptr;
        if ((uintptr_t)block->ptr + block->granted > high)
            high = (uintptr_t)block->ptr + block->granted;
    }
    drawing->start = high ? low & ~(uintptr_t)(START_ALIGN - 1) : 0;
    drawing->map->size = high - drawing->start;
}

bool map_take(struct map *map, const struct player *player)
{
    const struct subject *subject = player->subject;
    struct drawing drawing = {.map = map, .player = player};

    map->count = 0;
    map->size = 0;
    if (subject->choice.kind == SUBJECT_SYSTEM)
        return false; /* its blocks lie among the command's own */
    if (subject_has_region(subject)) {
        drawing.start = (uintptr_t)subject->span.start;
        map->size = subject->span.high;
    } else {
        find_blocks(&drawing);
    }
    if (map->size > SIZE_MOST) {
        map->size = 0;
        return false;
    }
    add_blocks(&drawing);
    if (subject_sees_free(subject))
        metrics_visit(subject, add_free, &drawing);
    if (map->count > 0)
        qsort(map->runs, map->count, sizeof *map->runs, by_address);
    fill(map);
    return true;
}

void map_fini(struct map *map)
{
    free(map->runs);
    *map = (struct map){.runs = NULL};
}
