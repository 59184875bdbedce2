/* SPDX-License-Identifier: MIT */
/* See clock.h. */
#define _GNU_SOURCE
#include "os/clock.h"

#include <time.h>

uint64_t cairn__os_clock(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
