/* SPDX-License-Identifier: MIT */
/* See page_list.h. */
#include "core/page_list.h"

struct page *cairn__page_fullest(const struct page_list *list)
{
    struct page *best = list->first;
    if (best == NULL)
        return NULL;
    struct page *page = best->next;
    for (int looked = 1; looked < FULLEST_OF && page != NULL; looked++, page = page->next)
        if (page_free_count(page) < page_free_count(best))
            best = page;
    return best;
}
