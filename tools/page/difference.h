/* SPDX-License-Identifier: MIT */
/* What is different between two documents of the same schema (see document.h). */
#ifndef CAIRN_TOOLS_PAGE_DIFFERENCE_H
#define CAIRN_TOOLS_PAGE_DIFFERENCE_H

#include "json.h"

/*
 * A document "cairn.diff": sections of the same kind and title, side by side. Figures and rows of
 * tables (told apart by their first column) become tables of before, after, and change; lines and
 * bars stand together; call stacks of equal names become one tree, coloured by the change. What is
 * in one of them only is named. Text and heap maps are left out.
 */
json_t *document_difference(const json_t *before, const json_t *after, char *const *command);

#endif
