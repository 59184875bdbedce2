/* SPDX-License-Identifier: MIT */
/* A course over time: see moments.h. */
#include "profile/moments.h"

#include <string.h>

#include "own_memory.h"

static const double second = 1e9;

void moments_init(struct moments *moments)
{
    *moments = (struct moments){.distance = 1, .limit = 1};
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Of each pair the second stands for both. One that is left alone is open again. */
static void merge(struct moments *moments)
{
    struct profile_moment *closed = moments->closed;
    size_t pairs = moments->count / 2;

    if (moments->count % 2)
        moments->now.high = greater(moments->now.high, closed[moments->count - 1].high);
    for (size_t i = 0; i < pairs; i++) {
        uint64_t high = greater(closed[2 * i].high, closed[2 * i + 1].high);
        closed[i] = closed[2 * i + 1];
        closed[i].high = high;
    }
    moments->count = pairs;
    moments->distance *= 2;
}

static void close_one(struct moments *moments)
{
    moments->closed[moments->count++] = moments->now;
    moments->now.high = moments->now.bytes;
}

void moments_pass_slowly(struct moments *moments, uint64_t time)
{
    while (time / moments->distance >= MOMENTS) /* the open one counts too */
        merge(moments);
    while (time / moments->distance > moments->count)
        close_one(moments);
    moments->limit = (moments->count + 1) * moments->distance;
}

size_t moments_finish(struct moments *moments, uint64_t time, struct profile_moment **list)
{
    moments_pass(moments, time);
    size_t count = moments->count;
    struct profile_moment *result = memory_take(count + 1, sizeof *result);
    memcpy(result, moments->closed, count * sizeof *result);
    result[count] = moments->now;
    for (size_t i = 0; i < count; i++)
        result[i].seconds = (double)((i + 1) * moments->distance) / second;
    result[count].seconds = (double)time / second;
    *list = result;
    return count + 1;
}
