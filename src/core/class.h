/* SPDX-License-Identifier: MIT */
/*
 * Size classes: the block sizes that pages are cut into. 16 to 512 bytes in steps of 16, then eight
 * steps a doubling up to 128 KiB: 96 classes, numbered from 1; no block is more than 12.5 % larger
 * than asked for, beyond 16 bytes. Class 0 does not exist: its list is always empty, which sends
 * malloc(0) to the slow path without a test.
 *
 * Blocks begin at the start of their page, which is aligned to 64 KiB, so a block is aligned to
 * every power of two that divides its class's size: alignment is a matter of choosing a class.
 */
#ifndef CAIRN_CORE_CLASS_H
#define CAIRN_CORE_CLASS_H

#include "base/bits.h"
#include "core/policy.h"

enum {
    CLASS_END = 97, /* with class 0 */
    /* Hardened: blocks of no bytes, which cannot be accessed. */
    CLASS_ZERO = CLASS_END,
    CLASS_COUNT = COLUMN(CLASS_END, CLASS_ZERO + 1),
};

struct class_info {
    uint32_t size;     /* of a block, in bytes */
    uint16_t capacity; /* blocks in a page */
    uint8_t units;     /* of a page */
    uint8_t wake;      /* so many free blocks make a full page worth listing again */
};

extern HIDDEN const struct class_info cairn__classes[CLASS_COUNT];
/* The class of each size up to SMALL_MAX. A byte a size: no rounding stands before the look-up. */
extern HIDDEN const uint8_t cairn__small_classes[SMALL_MAX + 1];

#if CHECKED
/* For each class, 2^64 / size, rounded up. */
extern HIDDEN const uint64_t cairn__class_factors[CLASS_COUNT];
#endif

static inline unsigned class_of_small(size_t size)
{
    return cairn__small_classes[size];
}

/* size in (SMALL_MAX, MEDIUM_MAX]. */
static inline unsigned class_of_medium(size_t size)
{
    unsigned top = log2_floor(size - 1);
    return 33 + 8 * (top - 9) + (unsigned)((size - 1) >> (top - 3) & 7);
}

/* size <= MEDIUM_MAX; 0 counts as 1. */
static inline unsigned class_of(size_t size)
{
    if (size == 0)
        return 1;
    return size <= SMALL_MAX ? class_of_small(size) : class_of_medium(size);
}

/* The smallest class whose blocks are aligned so; 0 if there is none. align <= UNIT_SIZE. */
unsigned cairn__class_aligned(size_t size, size_t align);

#endif
