/* SPDX-License-Identifier: MIT */
/*
 * Shared libraries that are loaded at run time and keep to themselves: nobody else is bound to their
 * symbols, and they are bound to their own first. Any thread. Loading allocates, by malloc, and runs
 * what is in the library; nothing touches errno.
 */
#ifndef CAIRN_OS_LIBRARY_H
#define CAIRN_OS_LIBRARY_H

#include "os/library_file.h"

enum { LIBRARY_PATH_SIZE = 1024 };

/*
 * The file of a library that is named without a slash, where the loader would find it. Else, or if it
 * is not in the folders that are known, the name itself. False: it does not fit.
 */
bool cairn__library_find(const char *name, char path[LIBRARY_PATH_SIZE]);

struct library {
    void *handle;
    int copy; /* the file in memory that it was loaded from, kept open so that no other gets its name
                 while it is loaded; -1 */
};

/*
 * Loads a library, from a copy if its symbols mix with others'. One that is loaded already is used
 * again, unless own_copy. file: as it was read, of no flaw; of no bytes: only the loader knows the
 * path. False: why holds what the loader says, without the path, cut and ended by 0.
 */
bool cairn__library_open(struct library *library, const char *path, struct library_file *file,
                         bool own_copy, char *why, size_t why_size);

/* A function that the library itself defines, none of the libraries that it needs; NULL. */
void *cairn__library_symbol(const struct library *library, const char *name);

/* True: it is not in the process any more. False: it stays, for others or because it wants to. */
bool cairn__library_close(struct library *library);

#endif
