/* SPDX-License-Identifier: MIT */
/*
 * What a child process ran through, carried to its parent. libFuzzer counts by bytes in the program's
 * own memory, and looks at them when an input has been tried; if a forked child has tried it, it has
 * counted in its own copy. So a child that ends, in whichever way, leaves that copy in memory that both
 * share. Without libFuzzer (other fuzzers count in shared memory) all of it does nothing.
 */
#ifndef TEST_FUZZ_CARRIED_H
#define TEST_FUZZ_CARRIED_H

/* In the parent, before the first child. */
void carried_start(void);

/* In the child, and by whatever ends it: signals' handlers too. */
void carried_leave(void);

/* In the parent, when the child has ended. */
void carried_take(void);

#endif
