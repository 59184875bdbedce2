/* SPDX-License-Identifier: MIT */
/* A clock to measure calls with. Nothing allocates, any thread. */
#ifndef CAIRN_OS_CLOCK_H
#define CAIRN_OS_CLOCK_H

#include "base/config.h"

/* Nanoseconds of a clock that only goes forward, on all processors the same. Tens of them a call
 * where the kernel lets programs read its counter, as is usual; hundreds where it does not. */
uint64_t cairn__os_clock(void);

#endif
