/* SPDX-License-Identifier: MIT */
/* See block_table.h. */
#define _GNU_SOURCE
#include "trace/block_table.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "own_memory.h"

enum { FIRST_ROOM = 64, MANY = 4 << 20, OS_PAGE = 65536 }; /* MANY: bytes; OS_PAGE: or less */

void block_table_grow(struct block_table *table, size_t slot_size)
{
    struct block_table old = *table;

    table->room = old.room ? old.room * 2 : FIRST_ROOM;
    table->slots = memory_take(table->room, slot_size);
    if (table->room * slot_size >= MANY) /* a hint: fewer misses in the TLB; it may fail */
        madvise((void *)(((uintptr_t)table->slots + OS_PAGE - 1) & ~(uintptr_t)(OS_PAGE - 1)),
                table->room * slot_size - OS_PAGE, MADV_HUGEPAGE);
    for (size_t i = 0; i < old.room; i++) {
        const struct block_slot *slot = block_at(&old, slot_size, i);
        if (!slot->ptr)
            continue;
        size_t at = block_home(table, slot->ptr);
        while (block_at(table, slot_size, at)->ptr)
            at = (at + 1) & (table->room - 1);
        memcpy(block_at(table, slot_size, at), slot, slot_size);
    }
    free(old.slots);
}

void block_table_clear(struct block_table *table)
{
    free(table->slots);
    *table = (struct block_table){.slots = NULL};
}
