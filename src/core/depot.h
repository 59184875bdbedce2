/* SPDX-License-Identifier: MIT */
/*
 * The depot: pages that have blocks to give and no heap to give them, left by threads that ended.
 * Any heap takes from it before it asks the pool. While a page is here, a free into it is made under
 * the depot's lock, a batch at a time.
 */
#ifndef CAIRN_CORE_DEPOT_H
#define CAIRN_CORE_DEPOT_H

#include "core/page_list.h"

/* The caller's page, in none of its lists any more. If all its blocks are back it goes to the pool. */
void cairn__depot_put(struct page *page);

/* A page of the class, now owned as said and in no list; NULL if there is none. */
struct page *cairn__depot_take(unsigned class, struct heap *owner);

/*
 * Frees the `count` blocks first..last, linked, into a page that was seen in the depot. False: it is
 * not there any more, and nothing was done.
 */
bool cairn__depot_accept(struct page *page, void *first, void *last, unsigned count);

void cairn__depot_before_fork(void);
void cairn__depot_after_fork(bool child);

#endif
