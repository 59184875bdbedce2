/* SPDX-License-Identifier: MIT */
/*
 * For an allocator that keeps notes between and inside its blocks, hidden from tools (visible.h) at
 * all times, and that must look at many of them in one operation: its own looks are not errors.
 *
 * Memcheck stays silent between cairn__quiet_begin and cairn__quiet_end, in this thread; they nest.
 * What is read there counts as defined, what is written stays hidden, so that notes need not be
 * shown first nor hidden again. AddressSanitizer looks only where it was compiled in: a function
 * that is marked QUIET is left out. Nor may the compiler then move what it reads to its callers, as
 * it does where all of them are known: `used` says that there may be others.
 *
 * Ask for it only where cairn__is_watched() said so.
 */
#ifndef CAIRN_BASE_QUIET_H
#define CAIRN_BASE_QUIET_H

#include "base/visible.h"

#if defined(__SANITIZE_ADDRESS__)
#define QUIET __attribute__((no_sanitize("address"), used))
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QUIET __attribute__((no_sanitize("address"), used))
#endif
#endif
#ifndef QUIET
#define QUIET __attribute__((no_sanitize("address")))
#endif

#if !defined(CAIRN_FREESTANDING) && defined(__linux__) &&                                          \
    (defined(__x86_64__) || defined(__aarch64__))

enum { CAIRN__CHANGE_SILENCE = 0x1801 }; /* by how much; reports are made at 0 */

static inline void cairn__quiet_begin(void)
{
    cairn__request(CAIRN__CHANGE_SILENCE, 1, 0, 0);
}

static inline void cairn__quiet_end(void)
{
    cairn__request(CAIRN__CHANGE_SILENCE, (uintptr_t)-1, 0, 0);
}

#else

static inline void cairn__quiet_begin(void) {}

static inline void cairn__quiet_end(void) {}

#endif

#endif
