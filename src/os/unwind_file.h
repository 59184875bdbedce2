/* SPDX-License-Identifier: MIT */
/*
 * Which loaded file an address lies in, and where that file's index of unwind tables is
 * (.eh_frame_hdr). glibc answers without a lock since 2.35 (_dl_find_object). Elsewhere the files
 * are written down when it is asked for, by a question that takes the dynamic linker's lock, and
 * looked up in that list.
 */
#ifndef CAIRN_OS_UNWIND_FILE_H
#define CAIRN_OS_UNWIND_FILE_H

#include "base/config.h"

struct unwind_file {
    uintptr_t start; /* of it, or of the segment that the address is in */
    uintptr_t end;
    uintptr_t index;
};

/* Async-signal-safe; takes no lock. False: none that has an index. */
bool cairn__unwind_file_of(uintptr_t address, struct unwind_file *file);

/* The same, from the list only. */
bool cairn__unwind_file_listed(uintptr_t address, struct unwind_file *file);

/* Writes the list, where it is needed or if it is wanted all the same. Any thread. */
void cairn__unwind_file_list(bool wanted);

#endif
