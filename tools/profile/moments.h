/* SPDX-License-Identifier: MIT */
/*
 * A course over time in bounded memory, whatever its length, which is not known before its end:
 * moments of equal distance, a fine one at first. When there would be 1024 of them, neighbours are
 * merged in pairs and the distance is doubled, so there are always 512 to 1023 (fewer in a course of
 * less than 512 ns).
 */
#ifndef CAIRN_TOOLS_PROFILE_MOMENTS_H
#define CAIRN_TOOLS_PROFILE_MOMENTS_H

#include "profile/profile.h"

enum { MOMENTS = 1023 };

struct moments {
    struct profile_moment closed[MOMENTS];
    struct profile_moment now; /* what holds since the last event; its high since the last closed */
    size_t count;              /* of the closed ones: moment i ends at (i + 1) * distance */
    uint64_t distance;         /* nanoseconds */
    uint64_t limit;            /* of time: when the next one closes */
};

void moments_init(struct moments *moments);

/* Time passes, before an event at `time` is counted in moments->now. It never goes backwards. */
void moments_pass_slowly(struct moments *moments, uint64_t time);

static inline void moments_pass(struct moments *moments, uint64_t time)
{
    if (time >= moments->limit)
        moments_pass_slowly(moments, time);
}

/* The last moment, at `time`, that of the last event. How many there are; the array, from memory_*,
 * is in *list. */
size_t moments_finish(struct moments *moments, uint64_t time, struct profile_moment **list);

#endif
