/* SPDX-License-Identifier: MIT */
/*
 * Compares cairn__unwind with the C library's backtrace(), from where it is called. The first
 * address is of another instruction of the same function, so it is left out; a sanitizer puts a frame
 * of its own in front of backtrace()'s, which is passed over.
 */
#ifndef TEST_UNIT_UNWIND_CHECK_H
#define TEST_UNIT_UNWIND_CHECK_H

#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "os/unwind.h"

enum { CHECK_MAX = 256 };

struct unwind_stacks {
    uintptr_t ours[CHECK_MAX];
    void *theirs[CHECK_MAX];
    unsigned ours_count, theirs_count; /* without the first */
};

static inline bool unwind_stacks_same(const struct unwind_stacks *stacks)
{
    return stacks->ours_count == stacks->theirs_count &&
           memcmp(stacks->ours, stacks->theirs, stacks->ours_count * sizeof(uintptr_t)) == 0;
}

static inline void unwind_stacks_print(const struct unwind_stacks *stacks)
{
    for (unsigned i = 0; i < stacks->ours_count || i < stacks->theirs_count; i++)
        fprintf(stderr, "%2u %16lx %16lx\n", i,
                (unsigned long)(i < stacks->ours_count ? stacks->ours[i] : 0),
                (unsigned long)(i < stacks->theirs_count ? (uintptr_t)stacks->theirs[i] : 0));
}

static __attribute__((noinline, unused)) void unwind_stacks_take(struct unwind_stacks *stacks)
{
    unsigned ours = cairn__unwind(stacks->ours, CHECK_MAX);
    unsigned theirs = (unsigned)backtrace(stacks->theirs, CHECK_MAX), from = 1;
    while (ours > 1 && from < theirs && from < 3 &&
           (uintptr_t)stacks->theirs[from] != stacks->ours[1])
        from++;
    stacks->ours_count = ours > 0 ? ours - 1 : 0;
    stacks->theirs_count = theirs > from ? theirs - from : 0;
    memmove(stacks->ours, stacks->ours + 1, stacks->ours_count * sizeof(uintptr_t));
    memmove(stacks->theirs, stacks->theirs + from, stacks->theirs_count * sizeof(void *));
}

#endif
