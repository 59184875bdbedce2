/* SPDX-License-Identifier: MIT */
/* See slab_inside.h: what is not on the shortest paths, and the checks. */
#include "kit/slab_inside.h"

#include "base/memory.h"

/* ---- directories ---- */

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

/* ---- slabs ---- */

static unsigned ones(uint64_t bits)
{
    return count_ones((uint32_t)bits) + count_ones((uint32_t)(bits >> 32));
}

void cairn__slab_format(struct slab *slab, struct slab_bin *bin, char *start)
{
    size_t groups = group_count(bin->count);
    slab->bin = bin;
    slab->start = start;
    slab->used = 0;
    slab->groups = groups == 64 ? UINT64_MAX : ((uint64_t)1 << groups) - 1;
    for (size_t i = 0; i < groups; i++)
        slab->free[i] = group_mask(bin, i);
}

size_t cairn__slab_live(const struct slab *slab)
{
    return slab->used - (slab == slab->bin->open ? ones(slab->bin->group.bits) : 0);
}

/* ---- bins ---- */

void cairn__slab_bin_init(struct slab_bin *bin, size_t stride, size_t count)
{
    *bin = (struct slab_bin){.count = count};
    bin->group.stride = stride;
    bin->group.reciprocal = (((UINT64_C(1) << 52) - 1) / stride + 1) << 6;
    bin->group.barred = UINT64_MAX;
    link_init(&bin->partial);
}

/* Free objects of it are handed out in one go, or one by one. */
static void take_bits(struct slab *slab, size_t index, uint64_t bits)
{
    if (slab->used == 0)
        link_append(&slab->bin->partial, &slab->link);
    slab->used += ones(bits);
    slab->free[index] &= ~bits;
    if (slab->free[index] != 0)
        return;
    slab->groups &= ~((uint64_t)1 << index);
    if (slab->groups == 0)
        link_remove(&slab->link);
}

void *cairn__slab_take_one(struct slab *slab)
{
    size_t index = lowest_bit(slab->groups);
    unsigned bit = lowest_bit(slab->free[index]);
    take_bits(slab, index, (uint64_t)1 << bit);
    return slab->start + (index * GROUP + bit) * slab->bin->group.stride;
}

struct slab *cairn__slab_bin_close(struct slab_bin *bin)
{
    struct slab *slab = bin->open;
    uint64_t bits = bin->group.bits;
    bin->open = NULL;
    bin->group.bits = 0;
    bin->group.barred = UINT64_MAX;
    if (bits == 0)
        return NULL;
    if (slab->groups == 0)
        link_append(&bin->partial, &slab->link);
    slab->groups |= (uint64_t)1 << bin->open_index;
    slab->free[bin->open_index] |= bits;
    slab->used -= ones(bits);
    if (slab->used != 0)
        return NULL;
    link_remove(&slab->link);
    return slab;
}

void cairn__slab_bin_open(struct slab_bin *bin, struct slab *slab)
{
    size_t index = lowest_bit(slab->groups);
    uint64_t bits = slab->free[index];
    take_bits(slab, index, bits);
    slab_bin_follow(bin, slab, index);
    bin->group.bits = bits;
}

/* ---- checks ---- */

const char *cairn__slab_audit(const struct slab *slab)
{
    const struct slab_bin *bin = slab->bin;
    size_t free = 0;
    for (size_t i = 0; i < group_count(bin->count); i++) {
        if ((slab->groups >> i & 1) != (slab->free[i] != 0))
            return "a group's bit is wrong";
        if ((slab->free[i] & ~group_mask(bin, i)) != 0)
            return "an object that is not there is free";
        free += ones(slab->free[i]);
    }
    if (group_count(bin->count) < 64 && slab->groups >> group_count(bin->count) != 0)
        return "a group that is not there is free";
    return free + slab->used == bin->count ? NULL : "a slab has lost count";
}

static const char *audit_open(const struct slab_bin *bin)
{
    const struct cairn__slab_group *group = &bin->group;
    if (bin->open == NULL)
        return group->bits == 0 && group->barred == UINT64_MAX ? NULL : "nothing is open";
    if (bin->open->bin != bin || bin->open_index >= group_count(bin->count))
        return "a group is open that is not there";
    if ((group->bits & group->barred) != 0 ||
        group->barred != (~group_mask(bin, bin->open_index) | bin->open->free[bin->open_index]))
        return "the open group's bits are wrong";
    size_t offset = group->begin - (uintptr_t)bin->open->start;
    return offset == bin->open_index * GROUP * group->stride ? NULL
                                                             : "the open group begins elsewhere";
}

const char *cairn__slab_bin_audit(const struct slab_bin *bin, size_t slabs_partial)
{
    const struct slab_link *link = &bin->partial;
    for (size_t i = 0; i <= slabs_partial; i++, link = link->next) {
        if (link->next->previous != link)
            return "a list is broken";
        if (i > 0 && (link == &bin->partial || SLAB_OF(link)->bin != bin ||
                      SLAB_OF(link)->groups == 0 || SLAB_OF(link)->used == 0))
            return "a list has a slab that is not partial";
    }
    return link == &bin->partial ? audit_open(bin) : "a list has too many slabs";
}

bool cairn__slab_visit(const struct slab *slab, cairn_visitor *visitor, void *context)
{
    const struct slab_bin *bin = slab->bin;
    size_t stride = bin->group.stride;
    for (size_t i = 0, end; i < bin->count; i = end) {
        bool in_use = slab_is_in_use(slab, i);
        end = i + 1;
        while (!in_use && end < bin->count && !slab_is_in_use(slab, end))
            end++;
        if (!visitor(context, slab->start + i * stride, (end - i) * stride, in_use))
            return false;
    }
    return true;
}
