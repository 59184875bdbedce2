/* SPDX-License-Identifier: MIT */
/* "reading FILE: 42 %" on a terminal, for work of more than a second; asking costs next to nothing. */
#ifndef CAIRN_TOOLS_PROFILE_PROGRESS_H
#define CAIRN_TOOLS_PROFILE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *path;
    double start, shown_at;
    uint32_t count; /* of the questions whether it is time */
    bool terminal, shown;
};

enum { PROGRESS_EVERY = 1 << 16 };

void progress_begin(struct progress *progress, const char *path);

/* Is it time to look at the clock? */
static inline bool progress_due(struct progress *progress)
{
    return progress->terminal && ++progress->count % PROGRESS_EVERY == 0;
}

/* done: 0 to 1 */
void progress_show(struct progress *progress, double done);
void progress_end(struct progress *progress);

#endif
