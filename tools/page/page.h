/* SPDX-License-Identifier: MIT */
/*
 * Documents (see document.h) as one HTML file: all that it needs is in it, data, style and code, so
 * it opens from anywhere without a network. The code is the bundle that is built from web/.
 */
#ifndef CAIRN_TOOLS_PAGE_PAGE_H
#define CAIRN_TOOLS_PAGE_PAGE_H

#include <stdio.h>

#include "json.h"

/*
 * Writes the page of `documents`, an array with one or more, each a group on the page. title: of the
 * page, or NULL for that of the first. Whole numbers in the documents become integers. A failed write
 * shows in ferror().
 */
void page_write(json_t *documents, const char *title, FILE *to);

/* The parts of the bundle, each with a zero byte behind it. */
extern const char page_script[], page_style[], page_policy[];

#endif
