/* SPDX-License-Identifier: MIT */
/*
 * A report of accesses that the processor refuses where the library has closed memory: sampled blocks,
 * and in the hardened build what was freed, the ends of pages and of large blocks, blocks of no bytes. It
 * is a handler of SIGSEGV and SIGBUS, set where nobody has set another; a program that sets its own has
 * that.
 */
#ifndef CAIRN_ENTRY_FAULTS_H
#define CAIRN_ENTRY_FAULTS_H

/* At the process's start, if there is anything to report. */
void cairn__faults_start(void);

#endif
