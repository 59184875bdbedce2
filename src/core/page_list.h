/* SPDX-License-Identifier: MIT */
/* Lists of pages: those of a heap's shelf, of the depot, of a separate heap's large blocks. */
#ifndef CAIRN_CORE_PAGE_LIST_H
#define CAIRN_CORE_PAGE_LIST_H

#include "core/page.h"

struct page_list {
    struct page *first;
    struct page *last;
    size_t count;
};

static inline void page_push_first(struct page_list *list, struct page *page)
{
    page->prev = NULL;
    page->next = list->first;
    *(list->first != NULL ? &list->first->prev : &list->last) = page;
    list->first = page;
    list->count++;
}

static inline void page_push_last(struct page_list *list, struct page *page)
{
    page->next = NULL;
    page->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = page;
    list->last = page;
    list->count++;
}

static inline void page_remove(struct page_list *list, struct page *page)
{
    *(page->prev != NULL ? &page->prev->next : &list->first) = page->next;
    *(page->next != NULL ? &page->next->prev : &list->last) = page->prev;
    list->count--;
}

/* Of the first few pages, the one with the fewest free blocks; NULL if the list is empty. */
struct page *cairn__page_fullest(const struct page_list *list);

#endif
