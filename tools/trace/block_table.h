/* SPDX-License-Identifier: MIT */
/*
 * A table of blocks by their addresses: open addressing with linear probing, at most 3/4 full, deletion
 * by moving back what follows (Knuth, The Art of Computer Programming 3, 6.4, algorithm R), so that no
 * marks are left behind.
 *
 * A block whose address is given out again while it lives stands beside the newer one, marked aside: a
 * realloc that moved it is to come.
 *
 * A slot is a struct of the user's that begins with a block_slot; `slot_size` is its size, the same in
 * each call. All that is done for every event is inline, so that it is a constant there.
 */
#ifndef CAIRN_TOOLS_TRACE_BLOCK_TABLE_H
#define CAIRN_TOOLS_TRACE_BLOCK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* No block has half of the address space: the uppermost bit of the size says that it is aside. */
#define BLOCK_ASIDE (UINT64_C(1) << 63)

struct block_slot {
    uint64_t ptr; /* 0: empty */
    uint64_t size;
};

struct block_table {
    void *slots;
    size_t room, used; /* room: a power of two, or 0 */
};

/* Twice the room. Slots move. */
void block_table_grow(struct block_table *table, size_t slot_size);

/* Gives back the memory; the table is empty. */
void block_table_clear(struct block_table *table);

static inline size_t block_home(const struct block_table *table, uint64_t ptr)
{
    uint64_t mixed = (ptr >> 4 ^ ptr << 60) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 20 ^ mixed >> 44) & (table->room - 1);
}

static inline struct block_slot *block_at(const struct block_table *table, size_t slot_size,
                                          size_t at)
{
    return (struct block_slot *)((char *)table->slots + at * slot_size);
}

static inline uint64_t block_size(const struct block_slot *slot)
{
    return slot->size & ~BLOCK_ASIDE;
}

/* Where a search for it begins: to be prefetched, if there is room. (Not in here: gcc 12 drops calls of
 * inline functions that do no more than prefetch.) */
static inline const void *block_place(const struct block_table *table, size_t slot_size,
                                      uint64_t ptr)
{
    return block_at(table, slot_size, block_home(table, ptr));
}

/* The block of that address that is aside or not; NULL if there is none. */
static inline struct block_slot *block_find(const struct block_table *table, size_t slot_size,
                                            uint64_t ptr, bool aside)
{
    uint64_t mark = aside ? BLOCK_ASIDE : 0;

    if (!table->room || !ptr)
        return NULL;
    for (size_t at = block_home(table, ptr);; at = (at + 1) & (table->room - 1)) {
        struct block_slot *slot = block_at(table, slot_size, at);
        if (!slot->ptr)
            return NULL;
        if (slot->ptr == ptr && (slot->size & BLOCK_ASIDE) == mark)
            return slot;
    }
}

/* Adds a copy of a slot. *strange: a block that was not aside had the address; it is aside now. Slots
 * move. */
static inline struct block_slot *block_put(struct block_table *table, size_t slot_size,
                                           const struct block_slot *block, bool *strange)
{
    if (table->used + table->used / 3 >= table->room)
        block_table_grow(table, slot_size);
    size_t at = block_home(table, block->ptr), mask = table->room - 1;
    struct block_slot *slot = block_at(table, slot_size, at);
    for (*strange = false; slot->ptr; slot = block_at(table, slot_size, at)) {
        if (slot->ptr == block->ptr && !(slot->size & BLOCK_ASIDE)) {
            slot->size |= BLOCK_ASIDE;
            *strange = true;
        }
        at = (at + 1) & mask;
    }
    memcpy(slot, block, slot_size);
    slot->size = block_size(block);
    table->used++;
    return slot;
}

/* Takes it out. Slots move. */
static inline void block_take_out(struct block_table *table, size_t slot_size,
                                  struct block_slot *slot)
{
    size_t mask = table->room - 1;
    size_t hole = (size_t)((char *)slot - (char *)table->slots) / slot_size;

    for (size_t at = (hole + 1) & mask; block_at(table, slot_size, at)->ptr; at = (at + 1) & mask) {
        const struct block_slot *next = block_at(table, slot_size, at);
        if (((at - block_home(table, next->ptr)) & mask) >= ((at - hole) & mask)) {
            memcpy(block_at(table, slot_size, hole), next, slot_size);
            hole = at;
        }
    }
    block_at(table, slot_size, hole)->ptr = 0;
    table->used--;
}

#endif
