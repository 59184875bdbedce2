/* SPDX-License-Identifier: MIT */
/* From a failing run to the few operations that are enough to fail (Zeller's delta debugging). */
#ifndef TEST_PROPERTY_SHRINK_H
#define TEST_PROPERTY_SHRINK_H

#include <stddef.h>

/*
 * Runs the single-threaded run described in failure.h in child processes, and prints the smallest
 * failing program found to standard output. Returns the exit code: 0 if nothing failed, 1 if so.
 */
int shrink(size_t operations);

#endif
