/* SPDX-License-Identifier: MIT */
/* See timing.h. */
#include "record/timing.h"

enum { LEAST_BASE = 1000000, FIRST_BASE = 2000000 };

void timing_begin(struct timing *timing, const struct ring_header *header)
{
    *timing = (struct timing){.clock = header->clock,
                              .shift = header->clock_shift,
                              .first_ticks = ring_now(header->clock),
                              .first_time = ring_now(RING_CLOCK_SYSTEM),
                              .rate = 1};
    if (timing->clock == RING_CLOCK_SYSTEM)
        return;
    const struct timespec pause = {0, FIRST_BASE};
    nanosleep(&pause, NULL);
    timing_adjust(timing);
}

void timing_adjust(struct timing *timing)
{
    if (timing->clock == RING_CLOCK_SYSTEM)
        return;
    uint64_t ticks = ring_now(timing->clock) - timing->first_ticks;
    uint64_t time = ring_now(RING_CLOCK_SYSTEM) - timing->first_time;
    if (time >= LEAST_BASE && ticks > 0)
        timing->rate = (double)time / (double)ticks;
}

uint64_t timing_of(struct timing *timing, uint64_t stamp)
{
    uint64_t ticks = stamp << timing->shift;
    uint64_t time = ticks > timing->first_ticks
                        ? (uint64_t)((double)(ticks - timing->first_ticks) * timing->rate)
                        : 0;

    if (time > timing->last)
        timing->last = time;
    return timing->last;
}
