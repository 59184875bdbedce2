/* SPDX-License-Identifier: MIT */
/* The live heap map: what it shows (watch_draw.c) and what keys do (watch.c). */
#ifndef CAIRN_TOOLS_LAB_WATCH_H
#define CAIRN_TOOLS_LAB_WATCH_H

#include "lab/experiment.h"
#include "lab/map.h"
#include "lab/player.h"

struct watch {
    const struct experiment_plan *plan;
    const struct subject_choice *choices;
    size_t choice_count, choice; /* the one that is shown */

    struct subject subject;
    struct player player;
    struct experiment overview; /* of the whole, for the line of time and the worst moment */
    struct map map;
    struct metrics metrics; /* of now */

    unsigned speed; /* index into watch_speeds */
    bool plays;
    bool shows_help;
    bool is_unicode, has_color;
    const char *note; /* of what the last key did; or NULL */
};

enum { WATCH_SPEEDS = 12 };
extern const unsigned watch_speeds[WATCH_SPEEDS]; /* calls a second */

/* Whether the figure is what the line of time shows, and what is meant by worst. */
enum metric watch_metric(const struct watch *watch);

/* Sets up colours; once, after the terminal is. */
void watch_draw_init(const struct watch *watch);

/* The whole screen. */
void watch_draw(const struct watch *watch);

/* How much of each state lies in each of `count` cells of equal size, in bytes; for tests, too. */
struct watch_cell {
    uint64_t bytes[MAP_STATES];
    bool is_last; /* a part of `block` lies here */
};
void watch_cells(struct watch_cell *cells, size_t count, const struct map *map, uint32_t block);

#endif
