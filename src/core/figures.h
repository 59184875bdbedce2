/* SPDX-License-Identifier: MIT */
/*
 * What the core holds, added up on demand by walking the page descriptors; keeping it costs the fast
 * paths nothing. Other threads go on meanwhile, so that a figure may be off by what they just did.
 */
#ifndef CAIRN_CORE_FIGURES_H
#define CAIRN_CORE_FIGURES_H

#include "base/config.h"

struct cairn__figures {    /* bytes, unless said otherwise */
    size_t reserved;       /* address space of the regions */
    size_t mapped;         /* accessible: the regions' opened part and huge blocks */
    size_t committed;      /* pages, large and huge blocks, and free memory not yet given back */
    size_t peak_committed; /* the most that pages and large blocks have held, and huge ones now */
    size_t live;           /* in blocks handed out, with those in bins and on their way back */
    size_t huge;           /* part of live: in mappings of their own */
    size_t huge_count;
    size_t free;     /* committed - live */
    size_t metadata; /* mapped for records */
    size_t pages;    /* in use, large ones included */
    size_t heaps;    /* ever made */
};

void cairn__figures_get(struct cairn__figures *figures);

#endif
