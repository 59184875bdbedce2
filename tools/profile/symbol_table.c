/* SPDX-License-Identifier: MIT */
/*
 * Functions by address: see symbol_table.h. Of several names for the same code, that which other
 * files see is taken (global, then weak, then local), and among these the one with the fewest
 * underscores before it (malloc, not __libc_malloc).
 */
#include "profile/symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

struct symbol_range {
    GElf_Addr low, high; /* with, without */
    GElf_Addr reach;     /* the greatest high up to here */
    const char *name;
    unsigned char rank; /* less is better */
};

static unsigned rank_of(const GElf_Sym *symbol)
{
    switch (GELF_ST_BIND(symbol->st_info)) {
    case STB_GLOBAL:
        return 0;
    case STB_WEAK:
        return 1;
    default:
        return 2;
    }
}

/* What is found last is taken. */
static int by_place(const void *left, const void *right)
{
    const struct symbol_range *a = left, *b = right;

    if (a->low != b->low)
        return a->low > b->low ? 1 : -1;
    if (a->high != b->high) /* the shorter one last: it is within the longer */
        return a->high < b->high ? 1 : -1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? 1 : -1;
    size_t of_a = strspn(a->name, "_"), of_b = strspn(b->name, "_");
    if (of_a != of_b)
        return of_a < of_b ? 1 : -1;
    return strcmp(b->name, a->name);
}

void symbol_table_init(struct symbol_table *table, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);
    GElf_Addr reach = 0;

    *table = (struct symbol_table){0};
    if (count <= 0)
        return;
    table->items = memory_take((size_t)count, sizeof *table->items);
    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
        int type = GELF_ST_TYPE(symbol.st_info);
        if (!name || !*name || symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0 ||
            (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
            continue;
        table->items[table->count++] = (struct symbol_range){
            .low = address,
            .high = address + symbol.st_size,
            .name = name,
            .rank = (unsigned char)rank_of(&symbol),
        };
    }
    qsort(table->items, table->count, sizeof *table->items, by_place);
    for (size_t i = 0; i < table->count; i++) {
        reach = table->items[i].high > reach ? table->items[i].high : reach;
        table->items[i].reach = reach;
    }
}

void symbol_table_fini(struct symbol_table *table)
{
    free(table->items);
    *table = (struct symbol_table){0};
}

const char *symbol_table_name(const struct symbol_table *table, GElf_Addr address)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->items[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low > 0 && table->items[low - 1].reach > address; low--)
        if (table->items[low - 1].high > address)
            return table->items[low - 1].name;
    return NULL;
}
