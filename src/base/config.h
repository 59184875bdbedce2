/* SPDX-License-Identifier: MIT */
/*
 * What every file may take for granted: the compiler's dialect and the build's few switches.
 * Nothing here knows about memory.
 */
#ifndef CAIRN_BASE_CONFIG_H
#define CAIRN_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAIRN_VERSION_TEXT "0.1.0"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define CAIRN_EXPORT __attribute__((visibility("default")))
/* On what the fast paths read: -fvisibility=hidden says nothing of symbols defined elsewhere, and
 * these would be reached by way of a table. */
#define HIDDEN        __attribute__((visibility("hidden")))
#define NOINLINE      __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
/* Written at the process's start alone: nobody can, later, in the hardened and the checked build (core/seal.h). */
#if (defined(CAIRN_HARDENED) && CAIRN_HARDENED) || (defined(CAIRN_CHECKED) && CAIRN_CHECKED)
#define SEALED __attribute__((section(".data.rel.ro.sealed")))
#else
#define SEALED
#endif
#define COLD           __attribute__((cold, noinline))
#define ALIGNED(bytes) __attribute__((aligned(bytes)))

/* Two, because the adjacent-line prefetcher pulls cache lines in pairs. */
#define CACHE_LINES 128

/* Each a plain expression, so that `if (CAIRN_DEBUG)` compiles in every build. */
#ifndef CAIRN_DEBUG
#define CAIRN_DEBUG 0
#endif

#if defined(__SANITIZE_THREAD__)
#define CAIRN_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAIRN_TSAN 1
#endif
#endif
#ifndef CAIRN_TSAN
#define CAIRN_TSAN 0
#endif

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

#endif
