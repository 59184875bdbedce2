/* SPDX-License-Identifier: MIT */
/*
 * Huge blocks: each a mapping of its own, found through the map, that can be resized by remapping. In the
 * hardened build it lies between two places that cannot be accessed, ends at the end of a page of the
 * system's, and is out of reach for a while when it was freed (fence.h, quarantine.h say the same of
 * large blocks). Any thread.
 */
#ifndef CAIRN_CORE_HUGE_H
#define CAIRN_CORE_HUGE_H

#include "core/heap.h"

/* As cairn__large_alloc; NULL when out of memory or too large. */
void *cairn__huge_alloc(size_t size, size_t align, bool *zeroed, struct heap *separate);

/* A pointer that no region holds. False: it is no huge block. */
bool cairn__huge_free(void *block);

/* Frees all of a separate heap's, which is locked. */
void cairn__huge_free_all(struct heap *separate);

/* Bytes that the block holds, hardened: that were asked for; 0: it is no huge block. */
size_t cairn__huge_size(const void *block);

/* The separate heap that a huge block belongs to, or NULL. */
struct heap *cairn__huge_heap(const void *block);

/*
 * Resizes a huge block, to more than HUGE_LEAST, in place or by moving its mapping. NULL: it could
 * not, and nothing has changed.
 */
void *cairn__huge_resize(void *block, size_t size);

/* Visits the huge blocks of a separate heap, locked, until told false. */
bool cairn__huge_walk(const struct heap *separate,
                      bool (*visit)(void *context, void *block, size_t size), void *context);

/* Visits what memory huge blocks have; some may come and go meanwhile. */
void cairn__huge_ranges(void (*visit)(void *context, const void *start, size_t size),
                        void *context);

struct huge_figures {
    size_t bytes;
    size_t peak;
    size_t count;
};
struct huge_figures cairn__huge_figures(void);

void cairn__huge_before_fork(void);
void cairn__huge_after_fork(bool child);

/* ---- hardened ---- */

/* What is known of the block that an address belongs to. */
struct huge_block {
    const char *start;
    size_t size;    /* as asked for */
    uint8_t family; /* enum family */
    bool freed;     /* it is out of reach */
};

/* There was ever one. */
extern HIDDEN _Atomic bool cairn__has_huge;

/* False: the address is in no huge block, nor beside one. Takes no lock. */
bool cairn__huge_find(const void *ptr, struct huge_block *found);

void cairn__huge_set_family(const void *block, unsigned family);

/* Aborts if one was written beyond. Nobody else may free or resize any meanwhile. */
void cairn__huge_sweep(void);

#endif
