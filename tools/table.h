/* SPDX-License-Identifier: MIT */
/* Text in aligned columns: the first to the left, the others to the right. */
#ifndef CAIRN_TOOLS_TABLE_H
#define CAIRN_TOOLS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

enum table_style { STYLE_PLAIN, STYLE_HEAD, STYLE_BEST, STYLE_BAD, STYLE_FAINT };

struct table_cell {
    char *text;
    enum table_style style;
};

struct table {
    size_t columns;
    struct table_cell *cells; /* row by row */
    size_t count;
    bool color;
};

void table_init(struct table *table, size_t columns, bool color);

/* Appends a cell; rows fill from left to right. The text becomes the table's, from memory_*. */
void table_add(struct table *table, enum table_style style, char *text);

void table_print(const struct table *table, FILE *to);

void table_fini(struct table *table);

/* A line in that style, without a newline; as it is if there is no colour. */
void table_styled(FILE *to, bool color, enum table_style style, const char *text);

#endif
