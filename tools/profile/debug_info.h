/* SPDX-License-Identifier: MIT */
/*
 * The functions at an address, from the debug information (DWARF) of a file: the one that the code
 * belongs to, and those that were inlined there, with the lines where each was called. libdw reads
 * the information; the tables here are for speed: which unit has an address (many compilers leave
 * .debug_aranges out), and which function within the unit. Each is made when it is first asked for.
 */
#ifndef CAIRN_TOOLS_PROFILE_DEBUG_INFO_H
#define CAIRN_TOOLS_PROFILE_DEBUG_INFO_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>

struct debug_info;

struct debug_call {
    char *function;   /* demangled; NULL: nameless */
    const char *file; /* NULL: not known */
    int line;         /* 0: not known */
    bool is_plain;    /* the name is not a linker's: no parameters */
};

enum { DEBUG_CALLS = 64 }; /* the most that are told of one address */

struct debug_info *debug_info_create(Dwfl_Module *module);
void debug_info_destroy(struct debug_info *info);

/*
 * The calls at `address` (as the file counts them), innermost first; how many, 0 if nothing is
 * known. With a unit but no function, one call without a name. The caller frees the functions'
 * names; those of the files stay with the information.
 */
size_t debug_info_calls(struct debug_info *info, Dwarf_Addr address,
                        struct debug_call calls[DEBUG_CALLS]);

#endif
