/* SPDX-License-Identifier: MIT */
/*
 * What slab and slab_set share: slabs, bins and directories.
 *
 * A slab is a piece of memory cut into equal objects; its notes lie apart from the objects. What is
 * free is a bit in `free`, 64 objects to a word, a group; nothing is written into objects. A bin is
 * all slabs of one object size. One group of a bin may be open: the inline functions of cairn/slab.h
 * take and put objects of it by bits in the bin, which the slab counts as used. A group opens with
 * all its free objects, or, when one is released, with none but that. Lower addresses are handed out
 * first.
 *
 *     groups, bit g   <=>  free[g] != 0
 *     used            =    count - ones in free[0 .. count / 64]
 *     in bin->partial <=>  groups != 0 and used != 0
 *     open            =>   barred == open->free[open_index] | bits beyond count, bits & barred == 0
 *     no open group   =>   bits == 0, barred == all ones
 *
 * Slabs whose used is 0 are in no list of the bin: the functions say so, and the caller keeps them.
 * One thread at a time.
 *
 * A directory maps addresses to values: open addressing with linear probing and deletion by moving
 * back (D. Knuth, The Art of Computer Programming 3, section 6.4, algorithms L and R), multiplicative
 * hashing, at most half full.
 */
#ifndef CAIRN_KIT_SLAB_INSIDE_H
#define CAIRN_KIT_SLAB_INSIDE_H

#include "cairn/slab.h"

#include "base/bits.h"
#include "kit/slab_directory.h"

enum { GROUP = 64, SLAB_OBJECTS_MAX = GROUP * 64 };

/* ---- lists: circular, the head one of the links ---- */

struct slab_link {
    struct slab_link *next, *previous;
};

static inline void link_init(struct slab_link *head)
{
    head->next = head->previous = head;
}

static inline bool link_is_alone(const struct slab_link *head)
{
    return head->next == head;
}

static inline void link_append(struct slab_link *head, struct slab_link *link)
{
    link->next = head;
    link->previous = head->previous;
    head->previous->next = link;
    head->previous = link;
}

static inline void link_remove(struct slab_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

/* ---- slabs and bins ---- */

struct slab {
    struct slab_link link; /* in a list by its state */
    struct slab_bin *bin;  /* whose it is; NULL: nobody's */
    void *owner;           /* of its memory, where that is not the bin's alone */
    char *memory;          /* aligned to the slab size: the key in the directory */
    char *start;           /* of the first object */
    uint64_t groups;
    uint32_t used;
    uint64_t free[];
};

struct slab_bin {
    struct cairn__slab_group group; /* first: cairn/slab.h looks here */
    struct slab *open;              /* NULL: no group is open */
    size_t open_index;
    uintptr_t missed; /* the word of the last object that was released outside the open group */
    size_t count;     /* objects in a slab, 1 to SLAB_OBJECTS_MAX */
    struct slab_link partial;
};

#define SLAB_OF(link_of_slab) ((struct slab *)(void *)(link_of_slab))

static inline size_t group_count(size_t objects)
{
    return (objects + GROUP - 1) / GROUP;
}

/* The bits of group `index` that are objects. */
static inline uint64_t group_mask(const struct slab_bin *bin, size_t index)
{
    size_t left = bin->count - index * GROUP;
    return left >= GROUP ? UINT64_MAX : ((uint64_t)1 << left) - 1;
}

/* Of the notes on a slab. */
static inline size_t slab_size_of_notes(size_t count)
{
    return sizeof(struct slab) + group_count(count) * sizeof(uint64_t);
}

/* stride * count: at most PTRDIFF_MAX. */
void cairn__slab_bin_init(struct slab_bin *bin, size_t stride, size_t count);

/* A slab of the bin, in none of its lists, all of it free. memory, owner: as they are. */
void cairn__slab_format(struct slab *slab, struct slab_bin *bin, char *start);

/* Its free bits, whether they lie here or in the bin. */
static inline uint64_t slab_free_bits(const struct slab *slab, size_t index)
{
    const struct slab_bin *bin = slab->bin;
    bool is_open = slab == bin->open && index == bin->open_index;
    return slab->free[index] | (is_open ? bin->group.bits : 0);
}

static inline bool slab_is_in_use(const struct slab *slab, size_t object)
{
    return (slab_free_bits(slab, object / GROUP) >> object % GROUP & 1) == 0;
}

/*
 * Which object begins at ptr; SIZE_MAX: none. The product is cut to 12 bits of index, right for the
 * offsets that count; any other fails the comparison.
 */
static inline size_t slab_index_of(const struct slab *slab, const void *ptr)
{
    const struct slab_bin *bin = slab->bin;
    size_t offset = (uintptr_t)ptr - (uintptr_t)slab->start;
    size_t index = offset * (bin->group.reciprocal >> 6) >> 52;
    return index < bin->count && index * bin->group.stride == offset ? index : SIZE_MAX;
}

/*
 * An object in use that is not in the open group becomes free. True: the slab is empty now, and in
 * no list.
 */
static inline bool slab_release(struct slab *slab, size_t object)
{
    size_t index = object / GROUP;
    if (slab->free[index] == 0) {
        if (slab->groups == 0)
            link_append(&slab->bin->partial, &slab->link);
        slab->groups |= (uint64_t)1 << index;
    }
    slab->free[index] |= (uint64_t)1 << object % GROUP;
    if (LIKELY(--slab->used != 0))
        return false;
    link_remove(&slab->link);
    return true;
}

/* An object of a slab that has some free, the first of them; in no list of the bin's if it was
 * empty. The open group is passed by. */
void *cairn__slab_take_one(struct slab *slab);

/*
 * Whether the open group should move to the one in which an object is about to be released: if it
 * has nothing to give, or all of it is free, or if releases come in rows. The caller closes, follows
 * and calls cairn__slab_group_put; else slab_release.
 */
static inline bool slab_bin_should_follow(struct slab_bin *bin, const struct slab *slab,
                                          size_t object)
{
    uintptr_t word = (uintptr_t)&slab->free[object / GROUP];
    uint64_t bits = bin->group.bits;
    bool follow = bits == 0 || (bits | bin->group.barred) == UINT64_MAX || word == bin->missed;
    bin->missed = word;
    return follow;
}

/* Opens a group with none of its free objects. Those of the group that was open have gone back. */
static inline void slab_bin_follow(struct slab_bin *bin, struct slab *slab, size_t index)
{
    bin->open = slab;
    bin->open_index = index;
    bin->group.begin = (uintptr_t)slab->start + index * GROUP * bin->group.stride;
    bin->group.bits = 0;
    bin->group.barred = ~group_mask(bin, index) | slab->free[index];
}

/* The open group's bits go back. Returns the slab if that made it empty; it is in no list then. */
struct slab *cairn__slab_bin_close(struct slab_bin *bin);

/* Opens the first group with free objects, all of them; none is open. If the slab was empty it is in
 * no list of the bin's. */
void cairn__slab_bin_open(struct slab_bin *bin, struct slab *slab);

/* Checks the equations above, for one slab and for the list of the bin: slabs_partial is how many
 * slabs should be in it. */
const char *cairn__slab_audit(const struct slab *slab);
const char *cairn__slab_bin_audit(const struct slab_bin *bin, size_t slabs_partial);

/* Objects in use, and rows of free ones as gaps. */
bool cairn__slab_visit(const struct slab *slab, cairn_visitor *visitor, void *context);

/* Objects in use. */
size_t cairn__slab_live(const struct slab *slab);

#endif
