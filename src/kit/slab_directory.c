/* SPDX-License-Identifier: MIT */
/* See slab_directory.h. */
#include "kit/slab_directory.h"

#include "base/bits.h"

enum { LEAST_BITS = 4 };

/* Never written to: what is put in needs room first. */
static struct slab_slot no_slots[2];

static cairn_layout table_layout(unsigned shift)
{
    return cairn__layout(sizeof(struct slab_slot) << (64 - shift), _Alignof(struct slab_slot));
}

void cairn__slab_directory_init(struct slab_directory *directory, cairn_allocator source)
{
    *directory = (struct slab_directory){.slots = no_slots, .shift = 63, .source = source};
}

void cairn__slab_directory_fini(struct slab_directory *directory)
{
    if (directory->slots != no_slots)
        cairn_allocator_dealloc(directory->source, directory->slots,
                                table_layout(directory->shift));
    cairn__slab_directory_init(directory, directory->source);
}

/* All keys into a table of 1 << (64 - shift) slots. */
static bool rehash(struct slab_directory *directory, unsigned shift)
{
    struct slab_slot *slots = cairn_allocator_alloc_zeroed(directory->source, table_layout(shift));
    if (slots == NULL)
        return false;
    struct slab_directory old = *directory;
    directory->slots = slots;
    directory->shift = shift;
    directory->count = 0;
    for (size_t i = 0; i < slab_directory_capacity(&old); i++)
        if (old.slots[i].key != 0)
            cairn__slab_directory_put(directory, old.slots[i].key, old.slots[i].value);
    cairn__slab_directory_fini(&old);
    return true;
}

/* For so many keys, at most half of the slots. */
static unsigned shift_for(size_t keys)
{
    unsigned bits = keys > 1 ? log2_floor(2 * keys - 1) + 1 : 1;
    return 64 - (bits > LEAST_BITS ? bits : LEAST_BITS);
}

bool cairn__slab_directory_reserve(struct slab_directory *directory, size_t more)
{
    unsigned shift = shift_for(directory->count + more);
    return (directory->slots != no_slots && shift >= directory->shift) || rehash(directory, shift);
}

void cairn__slab_directory_put(struct slab_directory *directory, uintptr_t key, uintptr_t value)
{
    size_t i = slab_directory_home(directory, key);
    while (directory->slots[i].key != 0)
        i = (i + 1) & (slab_directory_capacity(directory) - 1);
    directory->slots[i] = (struct slab_slot){key, value};
    directory->count++;
}

void cairn__slab_directory_remove(struct slab_directory *directory, uintptr_t key)
{
    struct slab_slot *slots = directory->slots;
    size_t mask = slab_directory_capacity(directory) - 1;
    size_t hole = slab_directory_home(directory, key);
    while (slots[hole].key != key)
        hole = (hole + 1) & mask;
    for (size_t i = (hole + 1) & mask; slots[i].key != 0; i = (i + 1) & mask) {
        size_t from_home = (i - slab_directory_home(directory, slots[i].key)) & mask;
        if (from_home >= ((i - hole) & mask)) {
            slots[hole] = slots[i];
            hole = i;
        }
    }
    slots[hole].key = 0;
    directory->count--;
}

size_t cairn__slab_directory_trim(struct slab_directory *directory)
{
    size_t before = cairn__slab_directory_bytes(directory);
    unsigned shift = shift_for(directory->count);
    if (directory->count == 0)
        cairn__slab_directory_fini(directory);
    else if (shift > directory->shift + 1)
        rehash(directory, shift);
    return before - cairn__slab_directory_bytes(directory);
}

size_t cairn__slab_directory_bytes(const struct slab_directory *directory)
{
    return directory->slots == no_slots ? 0 : table_layout(directory->shift).size;
}

const char *cairn__slab_directory_audit(const struct slab_directory *directory)
{
    size_t capacity = slab_directory_capacity(directory), count = 0;
    if (directory->count > capacity / 2)
        return "a directory is too full";
    for (size_t i = 0; i < capacity; i++) {
        if (directory->slots[i].key == 0)
            continue;
        count++;
        for (size_t at = slab_directory_home(directory, directory->slots[i].key); at != i;
             at = (at + 1) & (capacity - 1))
            if (directory->slots[at].key == 0)
                return "a key cannot be found";
    }
    return count == directory->count ? NULL : "a directory has lost count";
}
