/* SPDX-License-Identifier: MIT */
/*
 * The entry of an address in a file's unwind tables: the frame description (FDE) of the function
 * that it lies in, with what it shares with others (CIE). Found by binary search in .eh_frame_hdr,
 * which linkers write sorted (Linux Standard Base, Exception Frames). A file whose index has another
 * form than the one that linkers write has no entries here.
 */
#ifndef CAIRN_OS_UNWIND_ENTRY_H
#define CAIRN_OS_UNWIND_ENTRY_H

#include "os/unwind_bytes.h"
#include "os/unwind_file.h"

struct unwind_entry {
    uintptr_t start; /* of the function */
    uintptr_t base;  /* the file's index: rows point to expressions by their distance from here */
    struct bytes shared, own; /* programs, to be run one after the other */
    uint64_t code_unit;
    int64_t data_unit;
    unsigned return_register;
    bool is_signal; /* not called, but set up by the kernel */
};

/* Async-signal-safe. False: the file has none for it. */
bool cairn__unwind_entry_of(const struct unwind_file *file, uintptr_t address,
                            struct unwind_entry *entry);

#endif
