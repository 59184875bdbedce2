/* SPDX-License-Identifier: MIT */
/* The blocks of the peak: see peaks.h. */
#include "profile/peaks.h"

#include <stdlib.h>

#include "own_memory.h"

enum { ROOM_AT_FIRST = 1024 };

void peaks_keep(struct peaks *peaks, const struct live_block *block)
{
    if (peaks->count == peaks->room) {
        peaks->room = peaks->room ? peaks->room * 2 : ROOM_AT_FIRST;
        peaks->gone = memory_resize(peaks->gone, peaks->room, sizeof *peaks->gone);
    }
    peaks->gone[peaks->count++] = (struct peak_block){
        .ptr = block->ptr,
        .size = block->size,
        .process = block->process,
        .stack = block->stack,
    };
}

static void keep_live(void *context, const struct live_block *block)
{
    peaks_end(context, block);
}

void peaks_finish(struct peaks *peaks, const struct live *live)
{
    live_visit(live, keep_live, peaks);
}

void peaks_fini(struct peaks *peaks)
{
    free(peaks->gone);
    *peaks = (struct peaks){0};
}
