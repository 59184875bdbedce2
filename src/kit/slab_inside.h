/* SPDX-License-Identifier: MIT */
/*
 * What slab and slab_set share: a slab, memory that is cut into equal blocks. What is free is a bit
 * for each block, in notes of its own, 64 blocks to a group; nothing is written into blocks. How
 * many slabs are cut alike is said once, in a `slab_cut`. One thread at a time.
 *
 *     free[g]  has no bits beyond cut->count
 *     groups   has a bit for each g with free[g] != 0, and none beyond the last group
 */
#ifndef CAIRN_KIT_SLAB_INSIDE_H
#define CAIRN_KIT_SLAB_INSIDE_H

#include "cairn/allocator.h"

#include "base/bits.h"

enum { GROUP = 64, SLAB_BLOCKS_MAX = GROUP * 64 };

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

/* Whether the list has `count` members and each link is linked both ways. */
bool cairn__slab_list_is_sound(const struct slab_link *head, size_t count);

/* ---- slabs ---- */

struct slab_cut {
    size_t stride;       /* bytes from one block to the next */
    uint64_t reciprocal; /* 2^58 / stride, rounded up to a multiple of 64 */
    uint32_t count;      /* blocks in a slab, 1 to SLAB_BLOCKS_MAX */
};

struct slab {
    struct slab_link link; /* first: in the list of its state */
    struct slab_cut *cut;  /* NULL: it is not cut */
    void *owner;           /* of its memory */
    char *start;           /* of the first block */
    uint64_t groups;
    uint32_t used;  /* blocks, as its kind counts them */
    uint32_t floor; /* for its kind */
    uint64_t free[];
};

#define SLAB_OF(link_of_slab) ((struct slab *)(void *)(link_of_slab))

/* stride * count is at most PTRDIFF_MAX; 2^40 at most unless count is 1. */
static inline struct slab_cut slab_cut_into(size_t stride, size_t count)
{
    uint64_t reciprocal = (((UINT64_C(1) << 52) - 1) / stride + 1) << 6;
    return (struct slab_cut){stride, reciprocal, (uint32_t)count};
}

static inline size_t group_count(size_t blocks)
{
    return (blocks + GROUP - 1) / GROUP;
}

/* The bits of group `index` that are blocks. */
static inline uint64_t group_mask(const struct slab_cut *cut, size_t index)
{
    size_t left = cut->count - index * GROUP;
    return left >= GROUP ? UINT64_MAX : ((uint64_t)1 << left) - 1;
}

/* Of the notes on a slab. */
static inline size_t slab_size_of_notes(size_t blocks)
{
    return sizeof(struct slab) + group_count(blocks) * sizeof(uint64_t);
}

/* All of it free, in no list. owner: as it is. */
void cairn__slab_format(struct slab *slab, struct slab_cut *cut, char *start);

static inline char *slab_block(const struct slab *slab, size_t index)
{
    return slab->start + index * slab->cut->stride;
}

/*
 * Which block begins at ptr; SIZE_MAX: none. The product is cut to 12 bits of index, right for the
 * offsets at which blocks begin; with any other the comparison fails.
 */
static inline size_t slab_index_of(const struct slab *slab, const void *ptr)
{
    const struct slab_cut *cut = slab->cut;
    size_t offset = (uintptr_t)ptr - (uintptr_t)slab->start;
    size_t index = offset * (cut->reciprocal >> 6) >> 52;
    return index < cut->count && index * cut->stride == offset ? index : SIZE_MAX;
}

/* Which block ptr lies in; SIZE_MAX: none. */
static inline size_t slab_index_around(const struct slab *slab, const void *ptr)
{
    size_t index = ((uintptr_t)ptr - (uintptr_t)slab->start) / slab->cut->stride;
    return index < slab->cut->count ? index : SIZE_MAX;
}

static inline bool slab_is_free(const struct slab *slab, size_t index)
{
    return (slab->free[index / GROUP] >> index % GROUP & 1) != 0;
}

/* Blocks of a slab whose bits lie elsewhere. */
struct slab_held {
    const struct slab *slab; /* NULL: none */
    size_t group;
    uint64_t bits;
};

static inline bool slab_is_free_or_held(const struct slab *slab, struct slab_held held,
                                        size_t index)
{
    return slab_is_free(slab, index) || (slab == held.slab && index / GROUP == held.group &&
                                         (held.bits >> index % GROUP & 1) != 0);
}

/* groups is exact again. */
void cairn__slab_refresh_groups(struct slab *slab);

unsigned cairn__slab_ones(uint64_t bits);

/* Blocks that are free. O(groups). */
size_t cairn__slab_free_count(const struct slab *slab);

/* The equations above; groups may be a superset unless exact. */
const char *cairn__slab_audit(const struct slab *slab, bool exact);

/* Blocks in use, and rows of free ones as gaps. */
bool cairn__slab_visit(const struct slab *slab, struct slab_held held, cairn_visitor *visitor,
                       void *context);

#endif
