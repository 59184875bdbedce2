/* SPDX-License-Identifier: MIT */
/* Places that allocate: see sites.h. Equal names have equal pointers (symbols.h keeps each once). */
#define _GNU_SOURCE
#include "profile/sites.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "profile/names.h"

enum { ROOM_AT_FIRST = 256 };

static bool is_machinery(const char *name)
{
    static const char *const beginnings[] = {
        "operator new", "std::",       "__gnu_cxx::", "alloc::", "<alloc::",        "core::",
        "<core::",      "hashbrown::", "<std::",      "__rust_", "__rdl_",          "__rg_",
        "_Znw",         "_Zna",        "PyMem_",      "_PyMem_", "PyObject_Malloc", "_PyObject_GC_",
    };
    static const char *const whole[] = {
        "malloc",         "calloc",        "realloc",       "reallocarray", "memalign",
        "posix_memalign", "aligned_alloc", "valloc",        "pvalloc",      "strdup",
        "strndup",        "asprintf",      "vasprintf",     "xmalloc",      "xcalloc",
        "xrealloc",       "xstrdup",       "xstrndup",      "g_malloc",     "g_malloc0",
        "g_realloc",      "g_strdup",      "g_slice_alloc",
    };

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(name, whole[i]) == 0)
            return true;
    return false;
}

/*
 * --- walking ------------------------------------------------------------------------------------
 */

const struct symbol_call *site_walk_next(struct site_walk *walk)
{
    if (walk->node == 0)
        return NULL;
    const struct symbol *symbol = symbols_of(walk->symbols, walk->node);
    const struct symbol_call *call = &symbol->calls[walk->call++];
    if (walk->call == symbol->count) {
        walk->node = trace_node(walk->reader, walk->node).parent;
        walk->call = 0;
    }
    return call;
}

struct site_walk site_walk(const struct profile *profile, struct symbols *symbols, uint32_t stack)
{
    struct site_walk start = {profile->reader, symbols, stack, 0}, at = start, before = start;
    const struct symbol_call *call;

    while ((call = site_walk_next(&at))) {
        if (!is_machinery(call->function))
            return before;
        before = at;
    }
    return start; /* nothing else */
}

/*
 * --- finding ------------------------------------------------------------------------------------
 */

struct table {
    struct sites *sites;
    size_t room, size;
    uint32_t *slots; /* number of the site + 1; 0: empty */
};

static uint32_t *slot_of(const struct table *table, const struct site *key)
{
    uint64_t hash = names_mix((uintptr_t)key->function ^ names_mix((uintptr_t)key->file)) ^
                    key->line;

    for (size_t at = names_mix(hash);; at++) {
        uint32_t *slot = &table->slots[at & (table->size - 1)];
        const struct site *site = *slot ? &table->sites->items[*slot - 1] : NULL;
        if (!site ||
            (site->function == key->function && site->file == key->file && site->line == key->line))
            return slot;
    }
}

static void grow(struct table *table)
{
    free(table->slots);
    table->size = table->size ? table->size * 2 : ROOM_AT_FIRST * 2;
    table->slots = memory_take(table->size, sizeof *table->slots);
    for (size_t i = 0; i < table->sites->count; i++)
        *slot_of(table, &table->sites->items[i]) = (uint32_t)i + 1;
}

static struct site *site_for(struct table *table, const struct site *key)
{
    struct sites *sites = table->sites;

    if (sites->count * 2 >= table->size)
        grow(table);
    uint32_t *slot = slot_of(table, key);
    if (*slot == 0) {
        if (sites->count == table->room) {
            table->room = table->room ? table->room * 2 : ROOM_AT_FIRST;
            sites->items = memory_resize(sites->items, table->room, sizeof *sites->items);
        }
        sites->items[sites->count] = *key;
        *slot = (uint32_t)++sites->count;
    }
    return &sites->items[*slot - 1];
}

void sums_add(struct profile_sums *to, const struct profile_sums *sums)
{
    to->blocks += sums->blocks;
    to->bytes += sums->bytes;
    to->live_blocks += sums->live_blocks;
    to->live_bytes += sums->live_bytes;
    to->peak_blocks += sums->peak_blocks;
    to->peak_bytes += sums->peak_bytes;
    to->temporary += sums->temporary;
    to->lifetime += sums->lifetime;
    to->freed += sums->freed;
    to->lasted += sums->lasted;
    if (sums->own_peak_bytes > to->own_peak_bytes)
        to->own_peak_bytes = sums->own_peak_bytes;
    if (sums->largest > to->largest)
        to->largest = sums->largest;
}

void sites_find(struct sites *sites, const struct profile *profile, struct symbols *symbols,
                bool by_line)
{
    struct table table = {.sites = sites};
    uint32_t count = trace_nodes(profile->reader);

    *sites = (struct sites){0};
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_sums *sums = &profile->stacks[i];
        if (sums->blocks == 0)
            continue;
        struct site key = {.function = "(unknown)", .module = ""};
        struct site_walk walk = site_walk(profile, symbols, i);
        uint32_t node = walk.node;
        const struct symbol_call *call = site_walk_next(&walk);
        if (call) {
            key.function = call->function;
            key.file = call->file;
            key.line = by_line ? call->line : 0;
            key.module = symbols_of(symbols, node)->module;
        }
        for (enum site_order order = 0; order < SITE_ORDERS; order++)
            key.top[order] = i;
        struct site *site = site_for(&table, &key);
        for (enum site_order order = 0; order < SITE_ORDERS; order++)
            if (sums_value(sums, order) > sums_value(&profile->stacks[site->top[order]], order))
                site->top[order] = i;
        sums_add(&site->sums, sums);
    }
    free(table.slots);
}

void sites_fini(struct sites *sites)
{
    free(sites->items);
    *sites = (struct sites){0};
}

/*
 * --- order --------------------------------------------------------------------------------------
 */

uint64_t sums_value(const struct profile_sums *sums, enum site_order order)
{
    switch (order) {
    case SITE_PEAK:
        return sums->peak_bytes;
    case SITE_LEFT:
        return sums->live_bytes;
    case SITE_BLOCKS:
        return sums->blocks;
    default:
        return sums->temporary;
    }
}

static int by_value(const void *left, const void *right, void *context)
{
    const struct site *a = left, *b = right;
    enum site_order order = *(enum site_order *)context;
    uint64_t of_a = sums_value(&a->sums, order), of_b = sums_value(&b->sums, order);

    if (of_a != of_b)
        return of_a < of_b ? 1 : -1;
    if (a->sums.bytes != b->sums.bytes)
        return a->sums.bytes < b->sums.bytes ? 1 : -1;
    int names = strcmp(a->function, b->function);
    return names ? names : (a->line > b->line) - (a->line < b->line);
}

void sites_sort(struct sites *sites, enum site_order order)
{
    if (sites->count)
        qsort_r(sites->items, sites->count, sizeof *sites->items, by_value, &order);
}
