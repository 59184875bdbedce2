/* SPDX-License-Identifier: MIT */
/*
 * What a recording must not exceed (`--fail-on`): words like `leak`, `peak>64M`, `allocs>1000`, with
 * commas between them.
 */
#ifndef CAIRN_TOOLS_PAGE_LIMITS_H
#define CAIRN_TOOLS_PAGE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

enum limited {
    LIMITED_LEAK,
    LIMITED_PEAK,
    LIMITED_BYTES,
    LIMITED_BLOCKS,
    LIMITED_TEMPORARY,
    LIMITED
};

struct limit {
    enum limited what;
    double most;
    char *words; /* as they were given */
};

struct limits {
    struct limit *list;
    size_t count;
};

/* Adds what `words` say. False after a message. */
bool limits_add(struct limits *limits, const char *words);
void limits_fini(struct limits *limits);

/* values: what the recording has of each. Says of each limit that is exceeded by how much; true if
 * none is. */
bool limits_hold(const struct limits *limits, const char *path, const double values[LIMITED]);

#endif
