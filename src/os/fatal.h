/* SPDX-License-Identifier: MIT */
/*
 * What is said on stderr, one whole line each, without allocating: a caller's crime, or a state that
 * cannot be. The texts are a closed list; each has a test that provokes it.
 */
#ifndef CAIRN_OS_FATAL_H
#define CAIRN_OS_FATAL_H

#include "base/config.h"

/* "cairn: WHAT PTR" on stderr; the process goes on. */
COLD void cairn__report(const char *what, const void *ptr);
/* "cairn: WHAT NAME: VALUE". */
COLD void cairn__report_text(const char *what, const char *name, const char *value);
/* "cairn: WHAT PTR", then abort. */
_Noreturn COLD void cairn__fatal(const char *what, const void *ptr);

/* Debug builds: the condition is a truth about our own data. */
#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (CAIRN_DEBUG && !(condition))                                                           \
            cairn__fatal("assertion failed: " #condition " at " __FILE__, NULL);                   \
    } while (0)

#endif
