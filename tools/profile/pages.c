/* SPDX-License-Identifier: MIT */
/*
 * The address space at a moment: see pages.h. Parts of pages are added up in a hash table by page
 * number (linear probing, at most half full); whole pages go to a list of runs at once. Both are
 * sorted in the end, and neighbours joined. Blocks do not overlap, so no page is in both.
 */
#include "profile/pages.h"

#include <stdlib.h>

#include "own_memory.h"

enum { SLOTS_AT_FIRST = 1024 };

struct part {
    uint64_t number; /* of the page, plus 1; 0: the slot is empty */
    uint32_t bytes;
};

struct parts {
    struct part *slots;
    size_t size, count; /* size: a power of two */
};

struct runs {
    struct profile_page *items;
    size_t count, room;
};

static struct part *slot_of(const struct parts *parts, uint64_t number)
{
    size_t at = (size_t)((number * 0x9e3779b97f4a7c15U) >> 32);

    for (;; at++) {
        struct part *slot = &parts->slots[at & (parts->size - 1)];
        if (slot->number == number + 1 || slot->number == 0)
            return slot;
    }
}

static void grow(struct parts *parts)
{
    struct parts old = *parts;

    parts->size = old.size ? old.size * 2 : SLOTS_AT_FIRST;
    parts->slots = memory_take(parts->size, sizeof *parts->slots);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].number)
            *slot_of(parts, old.slots[i].number - 1) = old.slots[i];
    free(old.slots);
}

static void add_part(struct parts *parts, uint64_t number, uint64_t bytes)
{
    if (parts->count * 2 >= parts->size)
        grow(parts);
    struct part *slot = slot_of(parts, number);
    if (slot->number == 0) {
        slot->number = number + 1;
        parts->count++;
    }
    bytes += slot->bytes;
    slot->bytes = bytes < PAGE_BYTES ? (uint32_t)bytes : PAGE_BYTES;
}

static void add_run(struct runs *runs, struct profile_page run)
{
    if (runs->count == runs->room) {
        runs->room = runs->room ? runs->room * 2 : SLOTS_AT_FIRST;
        runs->items = memory_resize(runs->items, runs->room, sizeof *runs->items);
    }
    runs->items[runs->count++] = run;
}

static void add_block(struct parts *parts, struct runs *runs, const struct peak_block *block)
{
    uint64_t first = block->ptr / PAGE_BYTES, before = block->ptr % PAGE_BYTES;
    uint64_t bytes = block->size < UINT64_MAX - block->ptr ? block->size : UINT64_MAX - block->ptr;

    if (bytes == 0)
        return;
    if (before) {
        uint64_t here = bytes < PAGE_BYTES - before ? bytes : PAGE_BYTES - before;
        add_part(parts, first++, here);
        bytes -= here;
    }
    if (bytes >= PAGE_BYTES) {
        uint64_t whole = bytes / PAGE_BYTES;
        add_run(runs, (struct profile_page){.number = first, .count = whole, .bytes = PAGE_BYTES});
        first += whole;
    }
    if (bytes % PAGE_BYTES)
        add_part(parts, first, bytes % PAGE_BYTES);
}

static int by_number(const void *left, const void *right)
{
    const struct profile_page *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static size_t join(struct profile_page *pages, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct profile_page *last = kept ? &pages[kept - 1] : NULL;
        if (last && last->number + last->count == pages[i].number && last->bytes == pages[i].bytes)
            last->count += pages[i].count;
        else
            pages[kept++] = pages[i];
    }
    return kept;
}

size_t pages_of(const struct peak_block *blocks, size_t count, uint32_t process,
                struct profile_page **pages)
{
    struct parts parts = {0};
    struct runs runs = {0};

    for (size_t i = 0; i < count; i++)
        if (blocks[i].process == process)
            add_block(&parts, &runs, &blocks[i]);
    for (size_t i = 0; i < parts.size; i++) {
        const struct part *part = &parts.slots[i];
        if (part->number)
            add_run(&runs, (struct profile_page){part->number - 1, 1, part->bytes});
    }
    free(parts.slots);
    if (runs.count)
        qsort(runs.items, runs.count, sizeof *runs.items, by_number);
    *pages = runs.items;
    return join(runs.items, runs.count);
}
