/* SPDX-License-Identifier: MIT */
/*
 * What the core holds, added up on demand by walking the page descriptors; keeping it costs the fast
 * paths nothing. Other threads go on meanwhile, so that a figure may be off by what they just did;
 * but these equations always hold:
 *
 *     committed = live + returned + unused + kept
 *     live      = large + huge + sum over classes of live blocks * size
 *     free      = committed - live
 */
#ifndef CAIRN_CORE_FIGURES_H
#define CAIRN_CORE_FIGURES_H

#include "core/heap.h"

struct cairn__figures { /* bytes, unless said otherwise */
    size_t reserved;    /* address space of the regions */
    size_t mapped;      /* accessible: the regions' opened part and huge blocks */
    size_t committed;   /* pages, large and huge blocks, and free memory not yet given back */
    size_t
        peak_committed; /* the most that pages and large blocks have held, and huge ones, be it at another time */
    size_t live; /* in blocks handed out, with those in bins and on their way back */
    size_t huge; /* part of live: in mappings of their own */
    size_t huge_count;
    size_t free;     /* committed - live */
    size_t metadata; /* mapped for records */
    size_t pages;    /* in use, large ones included */
    size_t heaps;    /* there are, idle ones included */
    size_t large;    /* part of live: blocks above the classes that are not huge */
    size_t large_count;
    size_t returned; /* in pages: blocks that came back */
    size_t unused;   /* in pages: never handed out; what is too small for a block; pages on */
                     /* their way to and from the pool */
    size_t kept;     /* in the pool, touched */
    size_t tables;   /* the accessible part of the regions' descriptors, headers and bits */
    size_t asked;    /* about what live was asked for; large blocks exactly, others by samples */
    struct heap_counts counts; /* of all heaps */
    size_t pages_cold;    /* full, or nearly, and nobody's: the first to free one of their blocks */
    size_t pages_shelved; /* in the depot */
    size_t pages_large;   /* one large block each, of no heap */
};

void cairn__figures_get(struct cairn__figures *figures);

/* The pages of a class; blocks, unless said otherwise. */
struct class_figures {
    size_t pages;
    size_t bytes; /* that they take */
    size_t live;
    size_t asked; /* bytes that live blocks were asked for, about */
    size_t returned;
    size_t unused; /* never handed out */
};

/* The same moment's figures by class too: classes[CLASS_COUNT]; the first stays empty. */
void cairn__figures_get_by_class(struct cairn__figures *figures, struct class_figures *classes);

/* ---- heaps ---- */

struct heap_figures {
    const struct heap *heap;
    int state; /* enum heap_state */
    size_t pages;
    size_t bytes; /* that they take, and huge blocks of a separate heap */
    size_t live;  /* of these in blocks handed out */
    struct heap_counts counts;
    char name[HEAP_NAME_SIZE];
};

/*
 * Fills up to `count` rows, one a heap, the newest first, beginning at `from` (NULL: the first call);
 * destroyed ones are left out. *filled: how many. Returns where to go on, or NULL. One walk over all pages a call.
 */
const struct heap *cairn__figures_heaps(const struct heap *from, struct heap_figures *rows,
                                        size_t count, size_t *filled);

/* ---- where it lies ---- */

/*
 * Visits every range of addresses that may hold memory of ours, but for huge blocks: what regions
 * have opened, their tables, and heaps. Starts need not be aligned, ranges may share an OS page.
 */
void cairn__figures_ranges(void (*visit)(void *context, const void *start, size_t size),
                           void *context);

#endif
