/* SPDX-License-Identifier: MIT */
/*
 * Does a library load, and does it really become a process's malloc? Found out by trying: the
 * command starts itself with the library preloaded (hidden verb `__probe`), and that process tells
 * from which file its malloc comes. For libraries of other allocators as for Cairn's own.
 */
#ifndef CAIRN_TOOLS_PROBE_H
#define CAIRN_TOOLS_PROBE_H

#include <stdbool.h>

struct spawner;

/*
 * True if `library` becomes the malloc of a process that it is preloaded into. Else `*reason`
 * (freed by the caller) says why not, as the end of a sentence about the library.
 */
bool probe_library(struct spawner *spawner, const char *library, char **reason);

#endif
