/* SPDX-License-Identifier: MIT */
/*
 * Which blocks were live when the whole was at its peak, although the peak is known only at the end.
 * A block that ends was live at the highest point so far if it was made before that point; such
 * blocks are kept in a list, which starts again empty at each new highest point. At the end, the
 * blocks of the peak are those in the list, and those that are still live and were made before it.
 *   length of the list + live blocks made before the peak = blocks live at the peak
 * So it takes no more memory than the live blocks did, and almost no time.
 */
#ifndef CAIRN_TOOLS_PROFILE_PEAKS_H
#define CAIRN_TOOLS_PROFILE_PEAKS_H

#include "trace/live.h"

struct peak_block {
    uint64_t ptr, size;
    uint32_t process, stack;
};

struct peaks {
    uint64_t bytes;  /* the most so far */
    uint64_t number; /* of the event that brought it; 0: none did */
    uint64_t time;   /* of that event */
    struct peak_block *gone;
    size_t count, room;
};

void peaks_keep(struct peaks *peaks, const struct live_block *block);

/* A block has ended. */
static inline void peaks_end(struct peaks *peaks, const struct live_block *block)
{
    if (block->number <= peaks->number)
        peaks_keep(peaks, block);
}

/* So many bytes are live after `event`. */
static inline void peaks_total(struct peaks *peaks, uint64_t bytes, const struct trace_event *event)
{
    if (bytes > peaks->bytes) {
        peaks->bytes = bytes;
        peaks->number = event->number;
        peaks->time = event->time;
        peaks->count = 0;
    }
}

/* The list becomes that of all blocks of the peak. */
void peaks_finish(struct peaks *peaks, const struct live *live);
void peaks_fini(struct peaks *peaks);

#endif
