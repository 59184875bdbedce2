/* SPDX-License-Identifier: MIT */
/*
 * A shared library as a file: what can be said about it before it is loaded, and a copy of it in
 * memory that keeps to itself. ELF (System V ABI, chapters 4 and 5), on Linux. The file is read once,
 * and every offset in it is distrusted.
 */
#ifndef CAIRN_OS_LIBRARY_FILE_H
#define CAIRN_OS_LIBRARY_FILE_H

#include "base/config.h"

enum library_flaw {
    LIBRARY_SOUND, /* as far as can be told */
    LIBRARY_ABSENT,
    LIBRARY_UNREADABLE,
    LIBRARY_NO_LIBRARY,
    LIBRARY_OF_OTHER_MACHINE,
    LIBRARY_PROGRAM,
    LIBRARY_PRELOAD_ONLY
};

enum { LIBRARY_NEEDED_MAX = 32 };

struct library_file {
    enum library_flaw flaw;
    size_t thread_storage; /* bytes of thread-local storage */

    /* It must not be loaded as it is: its symbols would mix with those of others. One that defines
     * operator delete and needs a C++ library, which may be bound to another operator new; or one with
     * symbols of which a process can have only one (STB_GNU_UNIQUE). */
    bool mixes;

    unsigned needed_count;
    const char *needed[LIBRARY_NEEDED_MAX]; /* libraries that it needs, by name */
    const char *other_libc;                 /* among them a C library that is not the process's */

    uint64_t device, number; /* which file it is */
    char *bytes;
    size_t size;
};

/* To be forgotten in any case. */
void cairn__library_file_read(struct library_file *file, const char *path);
void cairn__library_file_forget(struct library_file *file);

/*
 * A file in memory that has the library's bytes, but that its symbols are all its own and it does not
 * define C++'s operators; what they are in the process will do for it. Its number, or -1; name: what
 * the system shows it as.
 */
int cairn__library_file_copy(struct library_file *file, const char *name);

#endif
