/* SPDX-License-Identifier: MIT */
/*
 * The calls under way in this thread from one of them outwards, and what lies at an address. The calls
 * are found by unwind.h, without frame pointers, which programs are compiled without as a rule, and
 * without which a walk along them yields addresses that look right and are not. Where it knows no
 * more, as on other processors and in code made at run time, the list ends; the caller is always in it.
 */
#ifndef CAIRN_OS_STACK_H
#define CAIRN_OS_STACK_H

#include "base/config.h"

enum { CAIRN__OS_STACK_MAX = 32 };

/* To be called before the first cairn__os_stack, and again after dlopen or dlclose: see unwind.h. */
void cairn__os_stack_prepare(void);

/*
 * Return addresses, innermost first, from `caller` outwards, which is that of a function that has
 * not returned yet (__builtin_return_address(0) there); at most max of them, 1 to
 * CAIRN__OS_STACK_MAX. How many there are: 1 or more. About 6 ns each once the place is known; does not
 * allocate, and takes no lock.
 */
unsigned cairn__os_stack(void *caller, void **frames, unsigned max);

struct symbol {
    const char *module;    /* the file's name, without its folder */
    uintptr_t offset;      /* from where the file begins in memory */
    const char *name;      /* of a function that the dynamic linker knows; NULL: none */
    uintptr_t name_offset; /* from where it begins */
};

/* What lies at an address. False: no file is known there. Takes the dynamic linker's lock. */
bool cairn__os_symbol(const void *address, struct symbol *symbol);

/* Whether an address lies in the same shared library as this function; false if that is not in one,
 * but linked into the program. Takes the dynamic linker's lock. */
bool cairn__os_is_own_library(const void *address);

#endif
