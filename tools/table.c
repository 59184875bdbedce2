/* SPDX-License-Identifier: MIT */
/* Text in aligned columns: see table.h. */
#include "table.h"

#include <stdlib.h>

#include "own_memory.h"
#include "text.h"

enum { GAP = 2 };

void table_init(struct table *table, size_t columns, bool color)
{
    *table = (struct table){.columns = columns, .color = color};
}

void table_add(struct table *table, enum table_style style, char *text)
{
    table->cells = memory_resize(table->cells, table->count + 1, sizeof *table->cells);
    table->cells[table->count++] = (struct table_cell){.text = text, .style = style};
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = 0;

    for (size_t i = column; i < table->count; i += table->columns)
        if (text_width(table->cells[i].text) > width)
            width = text_width(table->cells[i].text);
    return width;
}

void table_styled(FILE *to, bool color, enum table_style style, const char *text)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "",       [STYLE_HEAD] = "\033[1m",  [STYLE_BEST] = "\033[32m",
        [STYLE_BAD] = "\033[31m", [STYLE_FAINT] = "\033[2m",
    };

    if (color && style != STYLE_PLAIN)
        fprintf(to, "%s%s\033[0m", codes[style], text);
    else
        fputs(text, to);
}

void table_print(const struct table *table, FILE *to)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct table_cell *cell = &table->cells[i];
        size_t column = i % table->columns;
        bool last = column + 1 == table->columns;
        int padding = (int)(column_width(table, column) - text_width(cell->text));
        if (column > 0)
            fprintf(to, "%*s", GAP + padding, "");
        table_styled(to, table->color, cell->style, cell->text);
        if (column == 0)
            fprintf(to, "%*s", padding, "");
        if (last)
            fputc('\n', to);
    }
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i].text);
    free(table->cells);
    *table = (struct table){0};
}
