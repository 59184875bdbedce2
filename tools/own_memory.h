/* SPDX-License-Identifier: MIT */
/*
 * Memory for the command itself. Every function returns what was asked for, or says
 * `cairn: out of memory` and ends the command with its own error code; none returns NULL.
 * What they return is given back with free().
 */
#ifndef CAIRN_TOOLS_OWN_MEMORY_H
#define CAIRN_TOOLS_OWN_MEMORY_H

#include <stddef.h>

/* Zeroed room for `count` objects of `size` bytes. */
void *memory_take(size_t count, size_t size);

/*
 * The same, for much: kept out of the memory of programs that the command starts (see spawn.h for
 * what that is good for). Not for free(); it stays to the end.
 */
void *memory_take_apart(size_t count, size_t size);

/* `ptr` (or NULL) resized to `count` objects of `size` bytes; new room is not zeroed. */
void *memory_resize(void *ptr, size_t count, size_t size);

char *memory_copy(const char *text);

char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
