/* SPDX-License-Identifier: MIT */
/*
 * Memory of others made inaccessible where it lies, and accessible again: guard pages. For the kit;
 * the malloc reserves and commits its own (os.h). Addresses and sizes are multiples of the OS page
 * size. Any thread; nothing allocates, nothing touches errno.
 *
 * There are two ways. A mark in the page table (MADV_GUARD_INSTALL, Linux 6.13 and later) costs one
 * cheap call and no mapping; the kernel refuses it for locked memory and on older systems. Changing
 * the protection of a mapping (mprotect) works everywhere, but cuts mappings in pieces, and their
 * number is limited (vm.max_map_count).
 */
#ifndef CAIRN_OS_PROTECT_H
#define CAIRN_OS_PROTECT_H

#include "base/config.h"

/* How it was done: a set of these. */
enum {
    PROTECTED_BY_MARKS = 1,
    PROTECTED_BY_MAPPING = 2,
};

/*
 * Takes all access from [ptr, ptr + size); what it held may be lost. Returns how, for the call that
 * undoes it. 0: it could not be done, and the memory is as accessible as before.
 */
unsigned cairn__os_protect(void *ptr, size_t size);

/*
 * Undoes it, whatever was done and wherever: memory that is not protected stays as it is. how: of all
 * calls that touched the range, joined. False: some of it may still be inaccessible.
 */
bool cairn__os_unprotect(void *ptr, size_t size, unsigned how);

#endif
