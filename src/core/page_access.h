/* SPDX-License-Identifier: MIT */
/*
 * Which of a page's units can be accessed, in the hardened build (guard.h has the ways to do that). The
 * page's owner calls.
 */
#ifndef CAIRN_CORE_PAGE_ACCESS_H
#define CAIRN_CORE_PAGE_ACCESS_H

#include "base/config.h"

struct page;

/* Takes all access from a page that is not in use, and its memory: then it is clean. */
void cairn__page_close(struct page *page);

/* Takes all access from a part, and its memory; false: it is open still. */
bool cairn__page_close_part(struct page *page, char *from, size_t size);

/* The same of all from there on, which was not opened since it came from the pool. */
void cairn__page_close_rest(struct page *page, char *from);

/* Lets a part be accessed. False: the system refuses. */
bool cairn__page_open_part(struct page *page, char *from, size_t size);

#endif
