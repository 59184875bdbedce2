/* SPDX-License-Identifier: MIT */
/*
 * Documents as text: see terminal.h. It takes documents as they come from files, so each member may
 * be missing or of another type; then it counts as empty. Plots are not drawn here: a line or two say
 * what is in them.
 */
#define _GNU_SOURCE
#include "page/terminal.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "table.h"
#include "text.h"

enum { MOST_ROWS = 25, MOST_COLUMNS = 12 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

char *document_number(double value, const char *unit)
{
    char out[TEXT_SHORT];
    const char *sign = value < 0 ? "-" : "";
    double size = fabs(value);

    if (strcmp(unit, "bytes") == 0)
        return memory_format("%s%s", sign, text_bytes(out, size));
    if (strcmp(unit, "seconds") == 0)
        return memory_format("%s%s", sign, text_seconds(out, size));
    if (strcmp(unit, "nanoseconds") == 0 && size < 1000)
        return memory_format("%s%.0f ns", sign, size);
    if (strcmp(unit, "nanoseconds") == 0)
        return memory_format("%s%s", sign, text_seconds(out, size / 1e9));
    if (strcmp(unit, "percent") == 0)
        return memory_format("%s%.1f %%", sign, size);
    if (strcmp(unit, "ratio") == 0)
        return memory_format("%s%.2f%s", sign, size, text_signs()->times);
    if (size == floor(size) || size >= 1000)
        return memory_format("%s%s", sign, text_count(out, size));
    return memory_format("%s%.3g", sign, size);
}

/* A cell: text as it is, figures in their unit. */
static char *shown(const json_t *value, const char *unit)
{
    if (json_is_string(value))
        return memory_copy(json_string_value(value));
    if (json_is_number(value))
        return document_number(json_number_value(value), unit);
    return memory_copy("-");
}

static void print_heading(const char *title, FILE *to, bool color)
{
    char *heading = memory_copy(title);

    *heading = (char)toupper((unsigned char)*heading);
    fputc('\n', to);
    table_styled(to, color, STYLE_HEAD, heading);
    fputc('\n', to);
    free(heading);
}

/* Words up to `columns`, lines that begin with a blank as they are. */
static void print_wrapped(const char *text, FILE *to, size_t columns)
{
    while (*text) {
        size_t length = strcspn(text, "\n"), column = 2;
        const char *word = text, *end = text + length;
        fputs("  ", to);
        if (*text == ' ')
            fwrite(text, 1, length, to);
        while (*text != ' ' && word < end) {
            size_t letters = strcspn(word, " \n");
            if (column > 2 && column + letters > columns) {
                fputs("\n  ", to);
                column = 2;
            }
            fwrite(word, 1, letters, to);
            column += letters + 1;
            word += letters;
            if (word < end && word++)
                fputc(' ', to);
        }
        fputc('\n', to);
        text = end + (*end == '\n');
    }
}

static void print_figures(const json_t *section, FILE *to, size_t most)
{
    const json_t *items = json_object_get(section, "items"), *item;
    size_t index, width = 0;

    json_array_foreach(items, index, item)
    {
        size_t letters = text_width(text_of(item, "name"));
        width = letters > width ? letters : width;
    }
    json_array_foreach(items, index, item)
    {
        const char *name = text_of(item, "name"), *note = text_of(item, "note");
        if (index >= most)
            break;
        char *value = shown(json_object_get(item, "value"), text_of(item, "unit"));
        fprintf(to, "  %s%*s  %s%s%s%s\n", name, (int)(width - text_width(name)), "", value,
                *note ? " (" : "", note, *note ? ")" : "");
        free(value);
    }
}

/* The best value of a column that says what is better; NAN if there is none. */
static double best_of(const json_t *rows, size_t column, const char *better)
{
    const json_t *row;
    double best = NAN;
    size_t index;

    json_array_foreach(rows, index, row)
    {
        const json_t *cell = json_array_get(row, column);
        double value = json_number_value(cell);
        bool counts = json_is_number(cell) && *better;
        if (counts && (isnan(best) || (*better == 'l' ? value < best : value > best)))
            best = value;
    }
    return best;
}

static void print_table(const json_t *section, FILE *to, bool color)
{
    const json_t *columns = json_object_get(section, "columns"), *column;
    const json_t *rows = json_object_get(section, "rows"), *row;
    size_t at, index, count = json_array_size(columns);
    struct table table;

    count = count > MOST_COLUMNS ? MOST_COLUMNS : count;
    if (count == 0)
        return;
    table_init(&table, count, color);
    for (at = 0; at < count; at++)
        table_add(&table, STYLE_HEAD, memory_copy(text_of(json_array_get(columns, at), "name")));
    json_array_foreach(rows, index, row)
    {
        if (index >= MOST_ROWS)
            break;
        for (at = 0; at < count; at++) {
            const json_t *cell = json_array_get(row, at);
            column = json_array_get(columns, at);
            double best = best_of(rows, at, text_of(column, "better"));
            bool is_best = json_is_number(cell) && json_number_value(cell) == best;
            table_add(&table, is_best ? STYLE_BEST : STYLE_PLAIN,
                      shown(cell, text_of(column, "unit")));
        }
    }
    table_print(&table, to);
    table_fini(&table);
    if (json_array_size(rows) > MOST_ROWS)
        fprintf(to, "  and %zu rows more\n", json_array_size(rows) - MOST_ROWS);
}

/* Categories to the left, a column for each bar. */
static void print_bars(const json_t *section, FILE *to, bool color)
{
    const json_t *categories = json_object_get(section, "categories"), *category;
    const json_t *series = json_object_get(section, "series"), *bar;
    const char *unit = text_of(json_object_get(section, "y"), "unit");
    size_t at, index, count = json_array_size(series);
    struct table table;

    table_init(&table, count + 1, color);
    table_add(&table, STYLE_HEAD, memory_copy(text_of(json_object_get(section, "y"), "name")));
    json_array_foreach(series, at, bar)
        table_add(&table, STYLE_HEAD, memory_copy(text_of(bar, "name")));
    json_array_foreach(categories, index, category)
    {
        table_add(&table, STYLE_PLAIN, shown(category, ""));
        json_array_foreach(series, at, bar)
            table_add(&table, STYLE_PLAIN,
                      shown(json_array_get(json_object_get(bar, "values"), index), unit));
    }
    table_print(&table, to);
    table_fini(&table);
}

/* Of each line: its greatest value, and its last. */
static void print_series(const json_t *section, FILE *to, bool color)
{
    const json_t *lines = json_object_get(section, "lines"), *line, *value;
    const char *unit = text_of(json_object_get(section, "y"), "unit");
    struct table table;
    size_t at, index;

    table_init(&table, 3, color);
    table_add(&table, STYLE_HEAD, memory_copy("line"));
    table_add(&table, STYLE_HEAD, memory_copy("most"));
    table_add(&table, STYLE_HEAD, memory_copy("at the end"));
    json_array_foreach(lines, at, line)
    {
        const json_t *values = json_object_get(line, "y"), *last = NULL;
        double most = NAN;
        json_array_foreach(values, index, value)
        {
            most = json_is_number(value) ? fmax(most, json_number_value(value)) : most;
            last = value;
        }
        table_add(&table, STYLE_PLAIN, memory_copy(text_of(line, "name")));
        table_add(&table, STYLE_PLAIN,
                  isnan(most) ? memory_copy("-") : document_number(most, unit));
        table_add(&table, STYLE_PLAIN, shown(last, unit));
    }
    table_print(&table, to);
    table_fini(&table);
}

/* What the other kinds hold, and that the page shows it. */
static void print_size(const json_t *section, const char *key, const char *what, FILE *to)
{
    fprintf(to, "  %zu %s, drawn on the page\n", json_array_size(json_object_get(section, key)),
            what);
}

static void print_section(const json_t *section, FILE *to, size_t columns, bool color)
{
    const char *kind = text_of(section, "kind"), *note = text_of(section, "note");

    print_heading(text_of(section, "title"), to, color);
    if (strcmp(kind, "text") == 0)
        print_wrapped(text_of(section, "text"), to, columns);
    else if (strcmp(kind, "figures") == 0)
        print_figures(section, to, SIZE_MAX);
    else if (strcmp(kind, "table") == 0)
        print_table(section, to, color);
    else if (strcmp(kind, "bars") == 0)
        print_bars(section, to, color);
    else if (strcmp(kind, "series") == 0)
        print_series(section, to, color);
    else if (strcmp(kind, "histogram") == 0)
        print_size(section, "bins", "bins", to);
    else if (strcmp(kind, "flame") == 0)
        print_size(section, "nodes", "calls", to);
    else if (strcmp(kind, "heapmap") == 0)
        print_size(section, "frames", "pictures", to);
    if (*note)
        print_wrapped(note, to, columns);
}

void document_print(const json_t *document, FILE *to, size_t columns, bool color)
{
    const json_t *section;
    size_t index;

    table_styled(to, color, STYLE_HEAD, text_of(document, "title"));
    fputc('\n', to);
    json_array_foreach(json_object_get(document, "sections"), index, section)
        print_section(section, to, columns, color);
}

void document_summary(const json_t *document, FILE *to, size_t lines)
{
    const json_t *section;
    size_t index;

    json_array_foreach(json_object_get(document, "sections"), index, section)
    {
        if (strcmp(text_of(section, "kind"), "figures") != 0)
            continue;
        print_figures(section, to, lines);
        return;
    }
    json_array_foreach(json_object_get(document, "sections"), index, section) if (index < lines)
        fprintf(to, "  %s\n", text_of(section, "title"));
}
