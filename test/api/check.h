/* SPDX-License-Identifier: MIT */
/*
 * What the API checks share: cmocka with a message on every check, values the compiler cannot see
 * through, and the sizes at which an allocator changes its mind.
 */
#ifndef TEST_API_CHECK_H
#define TEST_API_CHECK_H

#include "property/process.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif

/* Whether this is built with ThreadSanitizer. */
#if defined(__SANITIZE_THREAD__)
#define CHECK_TSAN 1
#elif defined(__has_feature)
#define CHECK_TSAN __has_feature(thread_sanitizer)
#else
#define CHECK_TSAN 0
#endif

/* check(condition, format, ...): fails the running check with what it saw. */
#define check(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg(__VA_ARGS__);                                                                 \
        }                                                                                          \
    } while (0)

/* A row of a group: the name that is printed, the function, and what it finds in *state. */
#define named_check(text, function, value)                                                         \
    {                                                                                              \
        (text), (function), NULL, NULL, (void *)(uintptr_t)(value)                                 \
    }

#define run_checks(name, checks)                                                                   \
    _cmocka_run_group_tests(name, checks, sizeof(checks) / sizeof((checks)[0]), NULL, NULL)

/* The compiler must not know what these are: it would warn, or drop the call. */
static inline void *hidden(const void *ptr)
{
    void *volatile value = (void *)(uintptr_t)ptr;

    return value;
}

static inline size_t hidden_size(size_t size)
{
    volatile size_t value = size;

    return value;
}

enum { ERRNO_MARK = 4711, BORDER_SIZES_MAX = 512 };

struct sizes {
    size_t count;
    size_t at[BORDER_SIZES_MAX];
};

/*
 * The borders of Cairn's classes (16 to 512 by 16, then 8 per doubling to 128 KiB) and of its other
 * mechanisms up to limit, each with its neighbours.
 */
static inline struct sizes border_sizes(size_t limit)
{
    struct sizes sizes;
    size_t step = 16;

    sizes.count = 0;
    for (size_t border = 16; border <= limit; border += step) {
        for (size_t size = border - 1; size <= border + 1; size++) {
            sizes.at[sizes.count++] = size;
        }
        if (border >= 131072) {
            step = border;
        } else if (border >= 512 && (border & (border - 1)) == 0) {
            step = border / 8;
        }
    }
    return sizes;
}

#endif
