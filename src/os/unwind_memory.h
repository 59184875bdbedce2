/* SPDX-License-Identifier: MIT */
/*
 * What may be read while walking a stack: from where the walk is, upwards, to the end of the stack.
 * Where that is nobody says without locks or allocations, so it is found out, once for each thread:
 * a thread's stack ends in the C library's note of the thread (the thread pointer), the first
 * thread's in what the kernel left there at the start. What lies between is asked for page by page,
 * and remembered. On another stack (of a signal handler, of a coroutine) nothing is remembered,
 * because it may be gone tomorrow: there each page beyond the first is asked for anew, 0.1 us each.
 *
 * The question is a system call that reads a word before it refuses to do anything with it: a futex's,
 * which even a program has that has forbidden itself nearly all others.
 */
#ifndef CAIRN_OS_UNWIND_MEMORY_H
#define CAIRN_OS_UNWIND_MEMORY_H

#include "base/config.h"

/* [stack pointer, limit) can be read. */
struct reach {
    uintptr_t limit;
};

/* Whether the 8 bytes around this one can be. A system call; errno stays. */
bool cairn__unwind_is_readable(uintptr_t address);

/* From a stack pointer on. is_own: this thread runs on it; else it may be any number, and false says
 * that there is no memory. */
bool cairn__unwind_reach(struct reach *reach, uintptr_t stack, bool is_own);

/* Extends it to `end`, if all up to there can be read. */
bool cairn__unwind_extend(struct reach *reach, uintptr_t end);

/* Finds out how to ask here. */
void cairn__unwind_memory_prepare(void);

#endif
