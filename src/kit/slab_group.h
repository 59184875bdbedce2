/* SPDX-License-Identifier: MIT */
/*
 * The open group of a cache: up to 64 objects in a row that the inline functions of cairn/slab.h
 * take and put by bits, here and not in their slab, which counts them as used. A group opens with
 * all its free objects, so that rows of allocations are cheap; or, when an object of it is released,
 * with none but that, so that rows of releases are, and an object that goes comes back next. Lower
 * addresses are handed out first.
 *
 *     slab->used            =   count - ones in slab->free
 *     slab in bin->partial <=>  groups != 0 and used != 0
 *     a group is open       =>  barred == open->free[index] | bits beyond count, bits & barred == 0
 *     none is               =>  bits == 0, barred == all ones
 *
 * Slabs whose used is 0 are in no list here: the functions say so, and the caller keeps them. One
 * thread at a time; for slab.c alone.
 */
#ifndef CAIRN_KIT_SLAB_GROUP_H
#define CAIRN_KIT_SLAB_GROUP_H

#include "cairn/slab.h"

#include "kit/slab_inside.h"

struct slab_bin {
    struct cairn__slab_group group; /* first: cairn/slab.h looks here */
    struct slab_cut cut;
    struct slab_link partial;
    struct slab *open; /* NULL: no group is */
    size_t index;      /* of the group in its slab */
    uintptr_t missed;  /* the word of the last object that was released elsewhere */
};

static inline void bin_shut(struct slab_bin *bin)
{
    bin->open = NULL;
    bin->group.bits = 0;
    bin->group.barred = UINT64_MAX;
}

static inline void bin_init(struct slab_bin *bin, struct slab_cut cut)
{
    *bin = (struct slab_bin){.cut = cut};
    bin->group.stride = cut.stride;
    bin->group.reciprocal = cut.reciprocal;
    link_init(&bin->partial);
    bin_shut(bin);
}

static inline struct slab_held bin_held(const struct slab_bin *bin)
{
    return (struct slab_held){bin->open, bin->index, bin->group.bits};
}

/* Some free objects of a group are used from now on. */
static inline void bin_take_bits(struct slab_bin *bin, struct slab *slab, size_t index,
                                 uint64_t bits)
{
    if (slab->used == 0)
        link_append(&bin->partial, &slab->link);
    slab->used += cairn__slab_ones(bits);
    slab->free[index] &= ~bits;
    if (slab->free[index] != 0)
        return;
    slab->groups &= ~((uint64_t)1 << index);
    if (slab->groups == 0)
        link_remove(&slab->link);
}

/* And free again. True: the slab is empty, and in no list. */
static inline bool bin_give_bits(struct slab_bin *bin, struct slab *slab, size_t index,
                                 uint64_t bits, unsigned count)
{
    if (slab->free[index] == 0) {
        if (slab->groups == 0)
            link_append(&bin->partial, &slab->link);
        slab->groups |= (uint64_t)1 << index;
    }
    slab->free[index] |= bits;
    slab->used -= count;
    if (LIKELY(slab->used != 0))
        return false;
    link_remove(&slab->link);
    return true;
}

/* Closes the group. Returns its slab if that is empty now. */
static inline struct slab *bin_close(struct slab_bin *bin)
{
    struct slab_held held = bin_held(bin);
    struct slab *slab = bin->open;
    bin_shut(bin);
    if (held.bits == 0)
        return NULL;
    unsigned count = cairn__slab_ones(held.bits);
    return bin_give_bits(bin, slab, held.group, held.bits, count) ? slab : NULL;
}

/* Opens a group with none of its free objects; the one before was closed, or had no bits. */
static inline void bin_follow(struct slab_bin *bin, struct slab *slab, size_t index)
{
    bin->open = slab;
    bin->index = index;
    bin->group.begin = (uintptr_t)slab_block(slab, index * GROUP);
    bin->group.bits = 0;
    bin->group.barred = ~group_mask(&bin->cut, index) | slab->free[index];
}

/* Opens the first group that has free objects, with all of them. */
static inline void bin_open(struct slab_bin *bin, struct slab *slab)
{
    size_t index = lowest_bit(slab->groups);
    uint64_t bits = slab->free[index];
    bin_take_bits(bin, slab, index, bits);
    bin_follow(bin, slab, index);
    bin->group.bits = bits;
}

/*
 * Whether the open group should move to the one in which an object is about to be released: it has
 * nothing to give, or all of it is free, or releases come in rows.
 */
static inline bool bin_should_follow(struct slab_bin *bin, const struct slab *slab, size_t index)
{
    uintptr_t word = (uintptr_t)&slab->free[index];
    uint64_t bits = bin->group.bits;
    bool follow = bits == 0 || (bits | bin->group.barred) == UINT64_MAX || word == bin->missed;
    bin->missed = word;
    return follow;
}

/* The equations of the open group. */
static inline const char *bin_audit(const struct slab_bin *bin)
{
    const struct cairn__slab_group *group = &bin->group;
    if (bin->open == NULL)
        return group->bits == 0 && group->barred == UINT64_MAX ? NULL : "nothing is open";
    if (bin->open->cut != &bin->cut || bin->index >= group_count(bin->cut.count))
        return "a group is open that is not there";
    if ((group->bits & group->barred) != 0 ||
        group->barred != (~group_mask(&bin->cut, bin->index) | bin->open->free[bin->index]))
        return "the open group's bits are wrong";
    if (group->begin != (uintptr_t)slab_block(bin->open, bin->index * GROUP))
        return "the open group begins elsewhere";
    return NULL;
}

#endif
