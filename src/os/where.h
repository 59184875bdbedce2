/* SPDX-License-Identifier: MIT */
/*
 * Which file an address of code came from, as /proc/self/maps has it: for reports from a signal handler.
 * Nothing allocates, no lock is taken, nothing touches errno.
 */
#ifndef CAIRN_OS_WHERE_H
#define CAIRN_OS_WHERE_H

#include "base/config.h"

enum { WHERE_NAME_SIZE = 120 };

struct where {
    uintptr_t offset;           /* from where the file begins in memory */
    char name[WHERE_NAME_SIZE]; /* the end of it, where it is long; "": no file is there */
};

/* Of `count` addresses. O(count * mappings). */
void cairn__os_where(const uintptr_t *addresses, struct where *found, size_t count);

#endif
