/* SPDX-License-Identifier: MIT */
/*
 * Call stacks in reports: taken when a block is allocated or freed, or where something is found wrong,
 * and printed a line a call, "cairn:     #0 0x7f… file+0x123", which addr2line and llvm-symbolizer
 * understand. Async-signal-safe; nothing allocates.
 */
#ifndef CAIRN_CORE_CALLS_H
#define CAIRN_CORE_CALLS_H

#include "base/config.h"

enum { CALLS_MAX = 24 };

struct calls {
    uintptr_t
        thread; /* as pthread_self and debuggers have it: asking for its number is a system call */
    unsigned count;
    uintptr_t at[CALLS_MAX]; /* innermost first */
};

/* Before the first are taken, and where the dynamic linker may be called. */
void cairn__calls_prepare(void);

/* Those under way in this thread. From a signal handler: those from `interrupted` on; 0: no handler's. */
void cairn__calls_take(struct calls *calls, uintptr_t interrupted);

/* "cairn:   WHAT thread 0x7f…:", and a line each; one caller at a time, or it leaves them out. */
COLD void cairn__calls_print(const char *what, const struct calls *calls);

#endif
