/* SPDX-License-Identifier: MIT */
/*
 * The demonstrations of `cairn lab demo`. Each tells what it does in plain words, does it, shows what
 * came of it, and ends with what to try next. They are short enough to be read beside their output.
 */
#ifndef CAIRN_TOOLS_LAB_DEMO_H
#define CAIRN_TOOLS_LAB_DEMO_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"

struct demo {
    FILE *to;
    json_t *document; /* for tables; NULL: none is wanted */
    bool color;
};

/* A paragraph, wrapped at 78 columns. */
void demo_say(struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A figure on a line of its own: "    what ........ value". */
void demo_show(struct demo *demo, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Each: false after a message. */
bool demo_statistics(struct demo *demo);
bool demo_arena(struct demo *demo);
bool demo_slab(struct demo *demo);
bool demo_heap(struct demo *demo);
bool demo_fragmentation(struct demo *demo);
bool demo_benchmark(struct demo *demo);

#endif
