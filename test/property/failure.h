/* SPDX-License-Identifier: MIT */
/*
 * How a property run ends when it finds a breach: one line that names it, one that names seed,
 * thread and operation, one command that shows it again. Written without allocating; then exit 1.
 */
#ifndef TEST_PROPERTY_FAILURE_H
#define TEST_PROPERTY_FAILURE_H

#include "property/operation.h"

#include <stddef.h>
#include <stdint.h>

/* Set once, before any thread starts. */
struct run {
    const char *program;
    const char *replay_file; /* NULL: operations are generated */
    uint64_t seed;
    size_t operations;
    unsigned threads;
    unsigned churn;
    const struct profile *profile;
};

extern struct run run;

/* What the calling thread is doing: kept for the failure lines. */
void failure_note(unsigned thread, size_t number, const struct operation *operation);

/* Makes SIGSEGV and the like report as fail() does, unless a sanitizer already handles them. */
void failure_catch_signals(void);

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
