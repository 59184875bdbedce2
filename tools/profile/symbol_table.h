/* SPDX-License-Identifier: MIT */
/*
 * The functions in a file's symbol tables (.symtab, also of a file with debug information, else
 * .dynsym and .gnu_debugdata), sorted by address: libdw's own search goes through all of them each
 * time. Symbols without a size are left out: nobody knows where they end.
 */
#ifndef CAIRN_TOOLS_PROFILE_SYMBOL_TABLE_H
#define CAIRN_TOOLS_PROFILE_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>
#include <stddef.h>

struct symbol_table {
    struct symbol_range *items;
    size_t count;
};

void symbol_table_init(struct symbol_table *table, Dwfl_Module *module);
void symbol_table_fini(struct symbol_table *table);

/* The name as it is there. NULL: no function has the address. Valid as long as the module. */
const char *symbol_table_name(const struct symbol_table *table, GElf_Addr address);

#endif
