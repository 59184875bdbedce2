/* SPDX-License-Identifier: MIT */
/* See stack.h. */
#define _GNU_SOURCE
#include "os/stack.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/auxv.h>

#include "os/unwind.h"

/* Frames between cairn__unwind and the caller that was named, ours and the allocator's: as a rule, and
 * where nothing was inlined. */
enum { INSIDE = 3, INSIDE_MAX = 12 };

void cairn__os_stack_prepare(void)
{
    cairn__unwind_prepare();
}

unsigned cairn__os_stack(void *caller, void **frames, unsigned max)
{
    uintptr_t all[CAIRN__OS_STACK_MAX + INSIDE_MAX];
    unsigned count = 0, at = 0;
    for (unsigned inside = INSIDE; at == count && inside <= INSIDE_MAX; inside += INSIDE) {
        count = cairn__unwind(all, max + inside);
        for (at = 0; at < count && all[at] != (uintptr_t)caller;)
            at++;
    }
    unsigned found = 1;
    frames[0] = caller;
    for (at++; at < count && found < max; at++)
        frames[found++] = (void *)all[at];
    return found;
}

bool cairn__os_symbol(const void *address, struct symbol *symbol)
{
    Dl_info info;
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    symbol->module = slash != NULL ? slash + 1 : info.dli_fname;
    symbol->offset = (uintptr_t)address - (uintptr_t)info.dli_fbase;
    symbol->name = info.dli_sname;
    symbol->name_offset = info.dli_sname != NULL ? (uintptr_t)address - (uintptr_t)info.dli_saddr
                                                 : 0;
    return true;
}

/* Where the file begins in memory; NULL: none is known there. */
static const void *base_of(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 ? info.dli_fbase : NULL;
}

bool cairn__os_is_own_library(const void *address)
{
    const void *own = base_of((const void *)(uintptr_t)cairn__os_is_own_library);
    const void *program = base_of((const void *)getauxval(AT_PHDR));
    return own != NULL && own != program && base_of(address) == own;
}
