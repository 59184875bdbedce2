/* SPDX-License-Identifier: MIT */
/* From the clock that events are stamped with (record/ring.h) to nanoseconds since the beginning. */
#ifndef CAIRN_TOOLS_RECORD_TIMING_H
#define CAIRN_TOOLS_RECORD_TIMING_H

#include <stdint.h>

#include "record/ring.h"

struct timing {
    enum ring_clock clock;
    uint32_t shift;
    uint64_t first_ticks, first_time; /* the clock, and nanoseconds, at the same moment */
    double rate;                      /* nanoseconds a tick */
    uint64_t last;                    /* what was said last: times never go back */
};

void timing_begin(struct timing *timing, const struct ring_header *header);

/* To be called now and then: the longer the base, the better the rate. */
void timing_adjust(struct timing *timing);

uint64_t timing_of(struct timing *timing, uint64_t stamp);

#endif
