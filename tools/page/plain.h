/* SPDX-License-Identifier: MIT */
/* Documents without sections, such as those of `cairn compare --json`, made like the others. */
#ifndef CAIRN_TOOLS_PAGE_PLAIN_H
#define CAIRN_TOOLS_PAGE_PLAIN_H

#include "json.h"

/* Gives a document that has no sections some: what is in it, as figures. One without a title is named
 * after its file. The page needs neither: its script makes tables of what there is. */
void document_complete(json_t *document, const char *path);

#endif
