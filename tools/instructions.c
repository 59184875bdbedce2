/* SPDX-License-Identifier: MIT */
/* See instructions.h. */
#define _GNU_SOURCE
#include "instructions.h"

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int instructions_open(void)
{
    struct perf_event_attr wanted = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof wanted,
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
        .disabled = 1,
        .inherit = 1,
        .enable_on_exec = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };

    return (int)syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

long long instructions_read(int counter)
{
    struct {
        uint64_t count, enabled, running;
    } told;

    /* A counter that had to share the hardware has seen a part only: that is no count. */
    if (counter < 0 || read(counter, &told, sizeof told) != sizeof told || told.count == 0 ||
        told.running < told.enabled)
        return -1;
    return (long long)told.count;
}
