/* SPDX-License-Identifier: MIT */
/* Documents (see document.h) as text for a terminal. */
#ifndef CAIRN_TOOLS_PAGE_TERMINAL_H
#define CAIRN_TOOLS_PAGE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"

/* A figure in its unit. The caller frees it. */
char *document_number(double value, const char *unit);

/* All sections: text, figures, tables and bars in full; of the rest, what a few lines can say. */
void document_print(const json_t *document, FILE *to, size_t columns, bool color);

/* The first figures of the document, or the titles of its sections: at most `lines` lines. */
void document_summary(const json_t *document, FILE *to, size_t lines);

#endif
