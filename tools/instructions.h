/* SPDX-License-Identifier: MIT */
/*
 * Counting the instructions that a program executes in user mode, by perf_event_open(2). The counter
 * is opened on the command itself, asleep, and is inherited by what it forks; it wakes when the child
 * executes its program, and each process and thread that ends adds its count. Kernels without such a
 * counter (most virtual machines), or that do not permit it, give none.
 */
#ifndef CAIRN_TOOLS_INSTRUCTIONS_H
#define CAIRN_TOOLS_INSTRUCTIONS_H

/* Before fork. A descriptor, or -1. */
int instructions_open(void);

/* After the child's end: the count, or -1. */
long long instructions_read(int counter);

#endif
