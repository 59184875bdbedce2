/* SPDX-License-Identifier: MIT */
/* See protect.h. On Linux. */
#define _GNU_SOURCE
#include "os/protect.h"

#include <errno.h>
#include <sys/mman.h>

/* Older headers lack them; older kernels answer EINVAL. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

static bool undo(void *ptr, size_t size, unsigned how)
{
    bool done = true;
    if ((how & PROTECTED_BY_MARKS) != 0)
        done = madvise(ptr, size, MADV_GUARD_REMOVE) == 0;
    if ((how & PROTECTED_BY_MAPPING) != 0 && mprotect(ptr, size, PROT_READ | PROT_WRITE) != 0)
        done = false;
    return done;
}

/*
 * A range over several mappings may be done in part when a call fails. Marks go in order and are
 * taken out in the same order, as far as the mapping that was refused. What cannot be undone counts
 * as protected: nobody touches it before it is undone.
 */
unsigned cairn__os_protect(void *ptr, size_t size)
{
    int saved = errno;
    unsigned how = PROTECTED_BY_MARKS;
    if (madvise(ptr, size, MADV_GUARD_INSTALL) != 0) {
        bool refused = errno == EINVAL || errno == EPERM || errno == EACCES || errno == ENOSYS;
        how = PROTECTED_BY_MAPPING;
        if (madvise(ptr, size, MADV_GUARD_REMOVE) != 0 && !refused)
            how |= PROTECTED_BY_MARKS;
        if (mprotect(ptr, size, PROT_NONE) != 0 && undo(ptr, size, how))
            how = 0;
    }
    errno = saved;
    return how;
}

bool cairn__os_unprotect(void *ptr, size_t size, unsigned how)
{
    int saved = errno;
    bool done = undo(ptr, size, how);
    errno = saved;
    return done;
}
