/* SPDX-License-Identifier: MIT */
/*
 * Pages that no heap needs any more, in the hardened build: a range of addresses that was once cut
 * into blocks of a class serves that class for good, so that what is left of a pointer never meets a
 * block of another size. Retired pages hold no memory and cannot be accessed; the one that was retired
 * first is the next to serve.
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

/*
 * A page of the class, nothing handed out, owned as said; NULL if no more than `keep` of them wait,
 * which cost address space and nothing else.
 */
struct page *cairn__retired_take(unsigned class, struct heap *owner, size_t keep);

void cairn__retired_before_fork(void);
void cairn__retired_after_fork(bool child);

#endif
