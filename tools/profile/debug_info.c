/* SPDX-License-Identifier: MIT */
/*
 * Functions and lines by address: see debug_info.h. Within a unit, only what can hold functions is
 * walked (namespaces, classes). Few languages have functions within functions: all of a unit is walked
 * only when an address of it was not found otherwise.
 */
#include "profile/debug_info.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "profile/demangle.h"
#include "profile/names.h"

struct range {
    Dwarf_Addr low, high; /* with, without */
    Dwarf_Addr reach;     /* the greatest high up to here, in the order of low */
    size_t unit;          /* of ranges of units */
    Dwarf_Die die;        /* of ranges of functions */
};

struct ranges {
    struct range *items;
    size_t count, room;
};

struct unit {
    Dwarf_Die lines;     /* the DIE that has the line table */
    Dwarf_Die functions; /* the one that has the functions: another in split DWARF */
    Dwarf_Addr bias;     /* what must be added to its addresses to get the module's */
    enum { WALKED_NOT, WALKED_OUTSIDE, WALKED_WHOLE } walked;
    struct ranges ranges;
};

struct name {
    Dwarf_Off declaration;
    char *text; /* NULL: the slot is empty */
};

struct debug_info {
    struct unit *units;
    size_t count, room;
    struct ranges ranges;
    struct name *names; /* hash table, linear probing: names that were searched for */
    size_t name_count, name_size;
};

/*
 * --- ranges -------------------------------------------------------------------------------------
 */

static void add_range(struct ranges *ranges, const struct range *range)
{
    if (ranges->count == ranges->room) {
        ranges->room = ranges->room ? ranges->room * 2 : 16;
        ranges->items = memory_resize(ranges->items, ranges->room, sizeof *ranges->items);
    }
    ranges->items[ranges->count++] = *range;
}

/* Those of a DIE, except code that the linker threw away, which lies at address 0. */
static void add_ranges_of(struct ranges *ranges, Dwarf_Die *die, size_t unit)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;

    while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0)
        if (low > 0 && low < high)
            add_range(ranges, &(struct range){.low = low, .high = high, .unit = unit, .die = *die});
}

static int by_low(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return (a->low > b->low) - (a->low < b->low);
}

static void sort_ranges(struct ranges *ranges)
{
    Dwarf_Addr reach = 0;

    if (ranges->count)
        qsort(ranges->items, ranges->count, sizeof *ranges->items, by_low);
    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->items[i].high > reach)
            reach = ranges->items[i].high;
        ranges->items[i].reach = reach;
    }
}

/* The last to begin of those that have the address. NULL: none. */
static struct range *range_of(const struct ranges *ranges, Dwarf_Addr address)
{
    size_t low = 0, high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->items[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low > 0 && ranges->items[low - 1].reach > address; low--)
        if (ranges->items[low - 1].high > address)
            return &ranges->items[low - 1];
    return NULL;
}

/*
 * --- units --------------------------------------------------------------------------------------
 */

static void add_unit(struct debug_info *info, Dwarf_Die *die, Dwarf_Addr bias)
{
    struct unit unit = {.lines = *die, .functions = *die, .bias = bias};
    Dwarf_Die split;
    uint8_t type;

    if (dwarf_cu_info(die->cu, NULL, &type, NULL, &split, NULL, NULL, NULL) == 0 &&
        type == DW_UT_skeleton && split.addr)
        unit.functions = split;
    if (info->count == info->room) {
        info->room = info->room ? info->room * 2 : 64;
        info->units = memory_resize(info->units, info->room, sizeof *info->units);
    }
    info->units[info->count] = unit;
    add_ranges_of(&info->ranges, die, info->count++);
}

struct debug_info *debug_info_create(Dwfl_Module *module)
{
    struct debug_info *info = memory_take(1, sizeof *info);
    Dwarf_Die *die = NULL;
    Dwarf_Addr bias;

    while ((die = dwfl_module_nextcu(module, die, &bias)))
        add_unit(info, die, bias);
    sort_ranges(&info->ranges);
    return info;
}

void debug_info_destroy(struct debug_info *info)
{
    if (!info)
        return;
    for (size_t i = 0; i < info->count; i++)
        free(info->units[i].ranges.items);
    for (size_t i = 0; i < info->name_size; i++)
        free(info->names[i].text);
    free(info->names);
    free(info->units);
    free(info->ranges.items);
    free(info);
}

static bool holds_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type ||
           tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
           tag == DW_TAG_interface_type || tag == DW_TAG_enumeration_type;
}

static bool holds_nested_functions(int tag)
{
    return tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block || tag == DW_TAG_entry_point;
}

/* The functions in a unit, or in a part of it; whole: also those within functions. */
static void walk(struct ranges *ranges, Dwarf_Die *parent, bool whole)
{
    Dwarf_Die die;

    for (int more = dwarf_child(parent, &die); more == 0; more = dwarf_siblingof(&die, &die)) {
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_subprogram)
            add_ranges_of(ranges, &die, 0);
        if (holds_functions(tag) || (whole && holds_nested_functions(tag)))
            walk(ranges, &die, whole);
    }
}

/*
 * --- names --------------------------------------------------------------------------------------
 */

/* In a list of scopes, innermost first, those that belong to the name. */
static char *qualified(const char *name, Dwarf_Die *scopes, int count)
{
    char *result = memory_copy(name);

    for (int i = 1; i < count; i++) {
        if (!holds_functions(dwarf_tag(&scopes[i])))
            continue;
        const char *outer = dwarf_diename(&scopes[i]);
        char *longer = memory_format("%s::%s", outer ? outer : "(anonymous)", result);
        free(result);
        result = longer;
    }
    return result;
}

/* What it is an instance of, as far back as that goes: the place where it was declared. */
static Dwarf_Die declaration_of(const Dwarf_Die *die)
{
    Dwarf_Die at = *die, origin;
    Dwarf_Attribute attribute;

    for (int step = 0; step < 4; step++) {
        if (!dwarf_attr(&at, DW_AT_abstract_origin, &attribute) &&
            !dwarf_attr(&at, DW_AT_specification, &attribute))
            break;
        if (!dwarf_formref_die(&attribute, &origin))
            break;
        at = origin;
    }
    return at;
}

/* In these nothing is within anything. */
static bool has_flat_names(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_Mips_Assembler:
        return true;
    default:
        return false;
    }
}

static struct name *slot_of(const struct debug_info *info, Dwarf_Off declaration)
{
    for (size_t at = names_mix(declaration);; at++) {
        struct name *name = &info->names[at & (info->name_size - 1)];
        if (!name->text || name->declaration == declaration)
            return name;
    }
}

static void grow_names(struct debug_info *info)
{
    struct name *old = info->names;
    size_t size = info->name_size;

    info->name_size = size ? size * 2 : 64;
    info->names = memory_take(info->name_size, sizeof *info->names);
    for (size_t i = 0; i < size; i++)
        if (old[i].text)
            *slot_of(info, old[i].declaration) = old[i];
    free(old);
}

/* With what it was declared in. To find that, libdw walks the unit: once a name is enough. */
static char *full_name(struct debug_info *info, Dwarf_Die *die, const char *name)
{
    Dwarf_Die declaration = declaration_of(die), *scopes = NULL;

    if (info->name_count * 2 >= info->name_size)
        grow_names(info);
    struct name *slot = slot_of(info, dwarf_dieoffset(&declaration));
    if (!slot->text) {
        int count = dwarf_getscopes_die(&declaration, &scopes);
        *slot = (struct name){dwarf_dieoffset(&declaration), qualified(name, scopes, count)};
        info->name_count++;
        free(scopes);
    }
    return memory_copy(slot->text);
}

static void name_of(struct debug_info *info, struct unit *unit, Dwarf_Die *die,
                    struct debug_call *call)
{
    Dwarf_Attribute attribute;

    if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute);
    const char *linkage = dwarf_formstring(&attribute);
    const char *name = dwarf_diename(die);
    call->is_plain = !linkage;
    if (linkage)
        call->function = demangle(linkage);
    else if (name)
        call->function = has_flat_names(&unit->functions) ? memory_copy(name)
                                                          : full_name(info, die, name);
}

/*
 * --- calls --------------------------------------------------------------------------------------
 */

/* The function and the inlined calls at the address, outermost first. */
struct chain {
    Dwarf_Die dies[DEBUG_CALLS];
    size_t count;
};

static bool child_with(Dwarf_Die *parent, Dwarf_Addr address, Dwarf_Die *result)
{
    for (int more = dwarf_child(parent, result); more == 0;
         more = dwarf_siblingof(result, result)) {
        int tag = dwarf_tag(result);
        bool scope = tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
                     tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
        if (scope && dwarf_haspc(result, address) > 0)
            return true;
    }
    return false;
}

static void descend(struct chain *chain, const Dwarf_Die *function, Dwarf_Addr address)
{
    Dwarf_Die at = *function, child;

    chain->dies[chain->count++] = at;
    while (chain->count < DEBUG_CALLS && child_with(&at, address, &child)) {
        at = child;
        if (dwarf_tag(&at) == DW_TAG_inlined_subroutine)
            chain->dies[chain->count++] = at;
    }
}

static void find_chain(struct chain *chain, struct unit *unit, Dwarf_Addr address)
{
    struct range *range = range_of(&unit->ranges, address);

    while (!range && unit->walked != WALKED_WHOLE) {
        unit->ranges.count = 0;
        walk(&unit->ranges, &unit->functions, unit->walked == WALKED_OUTSIDE);
        sort_ranges(&unit->ranges);
        unit->walked++;
        range = range_of(&unit->ranges, address);
    }
    if (range)
        descend(chain, &range->die, address);
}

/* The file and line where an inlined function was called. */
static void call_place(Dwarf_Die *inlined, struct unit *unit, struct debug_call *call)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Files *files;
    size_t count;

    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0 &&
        (dwarf_getsrcfiles(&unit->functions, &files, &count) == 0 ||
         dwarf_getsrcfiles(&unit->lines, &files, &count) == 0) &&
        number < count)
        call->file = dwarf_filesrc(files, number, NULL, NULL);
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
        call->line = (int)number;
}

static void line_place(struct unit *unit, Dwarf_Addr address, struct debug_call *call)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->lines, address);

    if (!line)
        return;
    call->file = dwarf_linesrc(line, NULL, NULL);
    dwarf_lineno(line, &call->line);
}

size_t debug_info_calls(struct debug_info *info, Dwarf_Addr address,
                        struct debug_call calls[DEBUG_CALLS])
{
    struct chain chain = {.count = 0};

    if (info->count == 0)
        return 0;
    address -= info->units[0].bias; /* one file, one bias */
    struct range *range = range_of(&info->ranges, address);
    if (!range)
        return 0;
    struct unit *unit = &info->units[range->unit];
    find_chain(&chain, unit, address);
    size_t count = chain.count ? chain.count : 1;
    memset(calls, 0, count * sizeof *calls);
    line_place(unit, address, &calls[0]);
    for (size_t i = 0; i < chain.count; i++) {
        Dwarf_Die *die = &chain.dies[chain.count - 1 - i];
        name_of(info, unit, die, &calls[i]);
        if (i + 1 < chain.count)
            call_place(die, unit, &calls[i + 1]);
    }
    return count;
}
