/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests share. The state of the library is the process's: TEST(name) runs its body in
 * a fork of a process that has never called the library, so each test starts from nothing.
 *
 * cmocka's asserts belong to the test's own thread; REQUIRE works in any, and ends the process.
 */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "unit/sanitizer.h"

/* A test function for cmocka_unit_test. */
#define TEST(name)                                                                                 \
    static void name##_body(void);                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        unit_run(#name, name##_body, NULL);                                                        \
    }                                                                                              \
    static void name##_body(void)

/* A test whose process must abort, saying `words` on stderr. */
#define DEATH_TEST(name, words)                                                                    \
    static void name##_body(void);                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        unit_run(#name, name##_body, words);                                                       \
    }                                                                                              \
    static void name##_body(void)

void unit_run(const char *name, void (*body)(void), const char *last_words);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            unit_fail(#condition, __FILE__, __LINE__);                                             \
    } while (0)

_Noreturn void unit_fail(const char *what, const char *file, int line);

/* Runs the tests of an array, and ends main. */
#define UNIT_MAIN(tests) cmocka_run_group_tests_name(__FILE_NAME__, tests, NULL, NULL)
#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

/* ---- random numbers: splitmix64, one generator a thread ---- */

static inline uint64_t unit_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline size_t unit_below(uint64_t *seed, size_t bound)
{
    return (size_t)(unit_random(seed) % bound);
}

/* Longer work where nothing slows it down. */
static inline size_t unit_rounds(size_t rounds)
{
    return CAIRN_TSAN ? rounds / 8 : UNIT_ASAN ? rounds / 4 : rounds;
}

/* ---- contents: bytes that only this block would have ---- */

void unit_fill(void *block, size_t size, uint64_t key);
bool unit_is_filled(const void *block, size_t size, uint64_t key);
bool unit_is_zero(const void *block, size_t size);

#endif
