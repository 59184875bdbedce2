/* SPDX-License-Identifier: MIT */
/* Where Cairn's own library is: the same search for every verb that preloads it. */
#ifndef CAIRN_TOOLS_LIBRARY_H
#define CAIRN_TOOLS_LIBRARY_H

/*
 * The absolute path of the library to preload: `wanted` (from --lib; may be NULL), else $CAIRN_LIB,
 * else libcairn-malloc.so in ../lib (or ../lib/x86_64-linux-gnu and the like) beside the command,
 * else where it was installed. NULL after a message if there is none or it cannot be preloaded. Freed
 * by the caller.
 */
char *library_find(const char *wanted);

/* Likewise libcairn-record.so, libcairn-hardened.so and libcairn-checked.so, which go with the command. */
char *library_find_recorder(void);
char *library_find_hardened(void);
char *library_find_checked(void);

/*
 * An absolute form of `path` whose folder has no symbolic links. NULL if there is no such folder.
 */
char *library_absolute(const char *path);

#endif
