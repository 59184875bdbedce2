/* SPDX-License-Identifier: MIT */
/*
 * fork(2) for a child that executes a program at once and whose memory until then must be small,
 * because the kernel counts it into the program's peak (see spawn.h). Pages that this process wrote
 * to are in the child as well: those of each library's relocated tables, too, half a megabyte with
 * all that the command is linked to. So the child does without those that the command is linked
 * to, but for the C library: it must call nothing that is in another,
 * and the command is linked so that nothing is looked up late (-z now).
 */
#ifndef CAIRN_TOOLS_LEAN_FORK_H
#define CAIRN_TOOLS_LEAN_FORK_H

#include <sys/types.h>

pid_t lean_fork(void);

#endif
