/* SPDX-License-Identifier: MIT */
/* Temporary files, in $TMPDIR or /tmp. */
#ifndef CAIRN_TOOLS_FOLDER_H
#define CAIRN_TOOLS_FOLDER_H

/*
 * Makes a file that only this user may read and write (mode 0600), and returns its descriptor,
 * closed on exec; -1 with errno. `*path` is its absolute path, freed by the caller, or NULL.
 */
int folder_temporary(const char *prefix, char **path);

/* The same, without a name: it is gone when it is closed. */
int folder_nameless(void);

#endif
