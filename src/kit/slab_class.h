/* SPDX-License-Identifier: MIT */
/*
 * A class of a slab_set: slabs cut into blocks of one size, and which block is next.
 *
 * Which blocks are free is known from the bits of their slab alone. A class keeps hints beside that:
 * a few blocks that are free, the latest on top, so that alloc need not search. A hint that finds no
 * room is merely forgotten; when there is none left, some are taken from a slab. The paths for both
 * have no branch that depends on chance.
 *
 * Blocks that end in a dense slab leave a hint, those in a sparse one do not: new blocks go to dense
 * slabs, sparse ones become empty. A slab turns sparse when a quarter of it is free, dense when
 * hints are taken from it; sparse ones wait for that until no dense one has any free block, and the
 * fullest of the first few is next. All turns come from one compare when a block ends:
 *
 *     floor == count - 1   full, in no list; a block that ends puts it among the dense
 *     floor == 0           leaves no hints; when it is empty the caller may take it away
 *     else                 dense; turns sparse when used == floor
 *     floor == 0 or floor < used
 *     used               = count - ones in free
 *     each hint            a free block of the class, no two the same
 *
 * The bits in groups may be set for groups without free blocks, until hints are looked for. One
 * thread at a time; for slab_set.c alone, which knows where slabs come from.
 */
#ifndef CAIRN_KIT_SLAB_CLASS_H
#define CAIRN_KIT_SLAB_CLASS_H

#include "kit/slab_inside.h"

enum { HINTS = 16 };

struct slab_hint {
    char *block;
    struct slab *slab;
    size_t index; /* of the block in its slab */
};

struct slab_class {
    struct slab_cut cut; /* first: a slab leads to its class */
    uint32_t floor;      /* of a dense slab */
    size_t hints;
    struct slab_link dense, sparse;
    struct slab_hint hint[HINTS + 1]; /* the last: where one goes that finds no room */
};

/* Without slabs; blocks of `size` bytes, `count` to a slab, 8 at least. */
void cairn__slab_class_init(struct slab_class *class, size_t size, size_t count);

/* A slab that is not cut, and in no list; it is the first that hints are taken from. */
void cairn__slab_class_give(struct slab_class *class, struct slab *slab);

/* Looks for hints if there are none. False: no slab of the class has a free block. */
bool cairn__slab_class_find(struct slab_class *class);

/* Takes away an empty slab; NULL: there is none. O(slabs in lists). */
struct slab *cairn__slab_class_take_empty(struct slab_class *class);

/* A block of the slab has ended and used == floor. True: the slab is empty, and not the class's last
 * with room; it is taken away, in no list. */
bool cairn__slab_class_come_down(struct slab_class *class, struct slab *slab);

/* The class and its lists; listed: how many slabs should be in them. And one slab of any class. */
const char *cairn__slab_class_audit(const struct slab_class *class, size_t listed);
const char *cairn__slab_class_audit_slab(const struct slab *slab);

/* Of a slab; NULL: it is not cut. */
static inline struct slab_class *slab_class_of(const struct slab *slab)
{
    return (struct slab_class *)(void *)slab->cut;
}

static inline bool slab_is_listed(const struct slab *slab)
{
    return slab->floor != slab->cut->count - 1;
}

/* There is a hint. */
static inline char *slab_class_take(struct slab_class *class)
{
    struct slab_hint hint = class->hint[--class->hints];
    hint.slab->free[hint.index / GROUP] &= ~((uint64_t)1 << hint.index % GROUP);
    hint.slab->used++;
    return hint.block;
}

static inline void slab_class_push(struct slab_class *class, struct slab_hint hint, bool keep)
{
    class->hint[class->hints] = hint;
    class->hints += (size_t)keep & (size_t)(class->hints < HINTS);
}

/* Ends a block in use. True: the slab is taken away, as above. */
static inline bool slab_class_end(struct slab_class *class, struct slab *slab, char *block,
                                  size_t index)
{
    slab->free[index / GROUP] |= (uint64_t)1 << index % GROUP;
    slab->groups |= (uint64_t)1 << index / GROUP;
    slab_class_push(class, (struct slab_hint){block, slab, index}, slab->floor != 0);
    return UNLIKELY(--slab->used == slab->floor) && cairn__slab_class_come_down(class, slab);
}

#endif
