/* SPDX-License-Identifier: MIT */
/*
 * Pages that no heap needs any more, in the hardened build: a range of addresses that was once cut
 * into blocks of a class serves that class for good, so that what is left of a pointer never meets a
 * block of another size. The one that was retired first is the next to serve. At first it waits as it
 * is, for the program may need it in a moment; what waits too long, or is too much, is closed: it holds no
 * memory then, and cannot be accessed.
 */
#ifndef CAIRN_CORE_RETIRED_H
#define CAIRN_CORE_RETIRED_H

#include "core/page_list.h"

/* A page in no list, none of whose blocks is in use. */
void cairn__retired_put(struct page *page);

/* What becomes of such a page. */
static inline void page_retire(struct page *page)
{
    if (SLOTTED && page->size != 0)
        cairn__retired_put(page);
    else
        cairn__page_give(page);
}

/* A page of the class, nothing handed out, owned as said; NULL: there is none, or none that is ripe. */
struct page *cairn__retired_take(unsigned class, struct heap *owner, bool ripe);

/* Some are not closed yet. */
bool cairn__retired_has_open(void);

/* Closes what waited since before the last call of this function; or all. */
void cairn__retired_close(bool all);

/* Looks at the blocks of those that are not closed: aborts if one was written to. */
void cairn__retired_sweep(void);

void cairn__retired_before_fork(void);
void cairn__retired_after_fork(bool child);

#endif
