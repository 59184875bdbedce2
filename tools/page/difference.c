/* SPDX-License-Identifier: MIT */
/*
 * The difference of two documents: see difference.h. Flame graphs are merged by walking both trees
 * at once: each node of either is looked up by its merged parent and its name.
 */
#define _GNU_SOURCE
#include "page/difference.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "page/document.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool has_kind(const json_t *section, const char *kind)
{
    return strcmp(text_of(section, "kind"), kind) == 0;
}

static json_t *copy_of(const json_t *value)
{
    return value ? json_deep_copy(value) : json_null();
}

/*
 * --- figures and tables --------------------------------------------------------------------------
 */

/* before, after, change, and the change as a part of what was before, in percent. */
static void put_change(json_t *row, const json_t *before, const json_t *after)
{
    double old = json_number_value(before), new = json_number_value(after);
    bool both = json_is_number(before) && json_is_number(after);

    json_append(row, copy_of(before));
    json_append(row, copy_of(after));
    json_append(row, both ? json_from_real(new - old) : json_null());
    json_append(row,
                both && old != 0 ? json_from_real(100 * (new - old) / fabs(old)) : json_null());
}

static json_t *change_table(json_t *document, const char *title, const char *what,
                            const char *what_unit, const char *unit)
{
    json_t *table = document_table(document, title);

    document_column(table, what, what_unit, NULL);
    document_column(table, "before", unit, NULL);
    document_column(table, "after", unit, NULL);
    document_column(table, "change", unit, NULL);
    document_column(table, "in percent", "percent", NULL);
    return table;
}

static const json_t *item_named(const json_t *items, const char *name)
{
    const json_t *item;
    size_t index;

    json_array_foreach(items, index,
                       item) if (strcmp(text_of(item, "name"), name) == 0) return item;
    return NULL;
}

/* A table for each unit that the figures have, as a column has one. */
static void add_figures(json_t *document, const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get(before, "items"), *new = json_object_get(after, "items");
    static const char *const units[] = {"bytes", "count",   "seconds",    "nanoseconds",
                                        "ratio", "percent", "operations", ""};
    const json_t *item;
    size_t index;

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        json_t *table = NULL;
        json_array_foreach(new, index, item)
        {
            const char *name = text_of(item, "name");
            const json_t *value = json_object_get(item, "value");
            const json_t *before_it = json_object_get(item_named(old, name), "value");
            bool same_text = json_is_string(value) && json_equal(value, before_it);
            if (strcmp(text_of(item, "unit"), units[i]) != 0 || same_text)
                continue;
            if (!table) {
                char *title = memory_format("%s%s%s", text_of(after, "title"),
                                            *units[i] ? ": " : "", units[i]);
                table = change_table(document, title, "figure", "", units[i]);
                free(title);
            }
            json_t *row = json_array();
            json_append(row, json_from_text(name));
            put_change(row, before_it, value);
            document_row(table, row);
        }
    }
}

static const json_t *row_named(const json_t *rows, const json_t *name)
{
    const json_t *row;
    size_t index;

    json_array_foreach(rows, index, row) if (json_equal(json_array_get(row, 0), name)) return row;
    return NULL;
}

static size_t column_named(const json_t *columns, const char *name)
{
    const json_t *column;
    size_t index;

    json_array_foreach(columns, index,
                       column) if (strcmp(text_of(column, "name"), name) == 0) return index;
    return SIZE_MAX;
}

static bool is_numeric(const json_t *rows, size_t column)
{
    const json_t *row;
    size_t index;

    json_array_foreach(rows, index,
                       row) if (json_is_number(json_array_get(row, column))) return true;
    return false;
}

/* One table for each column of figures. */
static void add_table(json_t *document, const json_t *before, const json_t *after)
{
    const json_t *columns = json_object_get(after, "columns"), *column, *row;
    const json_t *old = json_object_get(before, "rows"), *new = json_object_get(after, "rows");
    const char *what = text_of(json_array_get(columns, 0), "name");
    size_t at, index;

    json_array_foreach(columns, at, column)
    {
        size_t other = column_named(json_object_get(before, "columns"), text_of(column, "name"));
        if (at == 0 || other == SIZE_MAX || !is_numeric(new, at))
            continue;
        char *title = memory_format("%s: %s", text_of(after, "title"), text_of(column, "name"));
        json_t *table = change_table(document, title, what, "", text_of(column, "unit"));
        free(title);
        json_array_foreach(new, index, row)
        {
            const json_t *name = json_array_get(row, 0);
            json_t *changed = json_array();
            json_append(changed, copy_of(name));
            put_change(changed, json_array_get(row_named(old, name), other),
                       json_array_get(row, at));
            document_row(table, changed);
        }
        json_array_foreach(old, index, row)
        {
            if (row_named(new, json_array_get(row, 0)))
                continue;
            json_t *gone = json_array();
            json_append(gone, copy_of(json_array_get(row, 0)));
            put_change(gone, json_array_get(row, other), NULL);
            document_row(table, gone);
        }
    }
}

/*
 * --- lines, bars, histograms ---------------------------------------------------------------------
 */

/* What has a name in the list under `key` of either, with a word behind it. */
static void add_both(json_t *section, const char *key, const json_t *before, const json_t *after)
{
    const json_t *lists[] = {json_object_get(before, key), json_object_get(after, key)};
    static const char *const words[] = {"before", "after"};
    json_t *all = json_array();
    const json_t *item;
    size_t index;

    for (size_t i = 0; i < 2; i++) {
        json_array_foreach(lists[i], index, item)
        {
            json_t *copy = json_deep_copy(item);
            char *name = memory_format("%s, %s", text_of(item, "name"), words[i]);
            json_put(copy, "name", json_from_text(name));
            json_append(all, copy);
            free(name);
        }
    }
    json_put(section, key, all);
}

static void add_pair(json_t *document, const char *key, const json_t *before, const json_t *after)
{
    json_t *section = json_deep_copy(after);

    add_both(section, key, before, after);
    json_append(json_object_get(document, "sections"), section);
}

/* Bars of a category are told apart by their place, so the categories must be the same. */
static void add_bars(json_t *document, const json_t *before, const json_t *after)
{
    if (json_equal(json_object_get(before, "categories"), json_object_get(after, "categories")))
        add_pair(document, "series", before, after);
}

/* The count of each bin, by where it begins. */
static void add_histogram(json_t *document, const json_t *before, const json_t *after)
{
    const json_t *axis = json_object_get(after, "x");
    const json_t *old = json_object_get(before, "bins"), *new = json_object_get(after, "bins");
    json_t *table = change_table(document, text_of(after, "title"), text_of(axis, "name"),
                                 text_of(axis, "unit"), "count");
    size_t i = 0, j = 0;

    while (i < json_array_size(old) || j < json_array_size(new)) {
        const json_t *a = json_array_get(old, i), *b = json_array_get(new, j);
        double from_a = a ? json_number_value(json_object_get(a, "from")) : INFINITY;
        double from_b = b ? json_number_value(json_object_get(b, "from")) : INFINITY;
        json_t *row = json_array(), *none = json_integer(0);
        json_append(row, json_from_real(fmin(from_a, from_b)));
        put_change(row, from_a <= from_b ? json_object_get(a, "count") : none,
                   from_b <= from_a ? json_object_get(b, "count") : none);
        json_decref(none);
        document_row(table, row);
        i += from_a <= from_b;
        j += from_b <= from_a;
    }
}

/*
 * --- flame graphs --------------------------------------------------------------------------------
 */

struct merged {
    int parent;
    const char *name;
    double *values; /* of each metric: after, before */
};

struct merger {
    struct merged *nodes;
    size_t count, metrics;
    int *slots; /* hash table of indices, -1: empty */
    size_t mask;
};

static size_t hash_of(int parent, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)(unsigned)parent; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return (size_t)(hash ^ hash >> 29);
}

/* The node of that name below `parent`, made if there is none. There is room for all. */
static int find_node(struct merger *merger, int parent, const char *name)
{
    size_t slot = hash_of(parent, name) & merger->mask;

    for (; merger->slots[slot] >= 0; slot = (slot + 1) & merger->mask) {
        const struct merged *node = &merger->nodes[merger->slots[slot]];
        if (node->parent == parent && strcmp(node->name, name) == 0)
            return merger->slots[slot];
    }
    merger->slots[slot] = (int)merger->count;
    merger->nodes[merger->count] = (struct merged){
        parent, name, memory_take(2 * merger->metrics, sizeof(double))};
    return (int)merger->count++;
}

static void merge(struct merger *merger, const json_t *nodes, size_t side)
{
    int *index_of = memory_take(json_array_size(nodes) + 1, sizeof *index_of);
    const json_t *node;
    size_t index;

    json_array_foreach(nodes, index, node)
    {
        json_int_t parent = (json_int_t)json_number_value(json_array_get(node, 0));
        const char *name = json_string_value(json_array_get(node, 1));
        bool good = parent >= 0 && (size_t)parent < index;
        int at = find_node(merger, good ? index_of[parent] : -1, name ? name : "");
        for (size_t metric = 0; metric < merger->metrics; metric++)
            merger->nodes[at].values[2 * metric + side] += json_number_value(
                json_array_get(node, metric + 2));
        index_of[index] = at;
    }
    free(index_of);
}

static void add_flame(json_t *document, const json_t *before, const json_t *after)
{
    const json_t *metrics = json_object_get(after, "metrics"), *metric;
    const json_t *old = json_object_get(before, "nodes"), *new = json_object_get(after, "nodes");
    size_t room = json_array_size(old) + json_array_size(new), index;
    struct merger merger = {.metrics = json_array_size(metrics), .mask = 15};

    if (merger.metrics != json_array_size(json_object_get(before, "metrics")))
        return;
    while (merger.mask < 2 * room)
        merger.mask = 2 * merger.mask + 1;
    merger.nodes = memory_take(room + 1, sizeof *merger.nodes);
    merger.slots = memory_take(merger.mask + 1, sizeof *merger.slots);
    memset(merger.slots, 0xff, (merger.mask + 1) * sizeof *merger.slots);
    merge(&merger, new, 0);
    merge(&merger, old, 1);

    json_t *flame = document_flame(document, text_of(after, "title"));
    json_array_foreach(metrics, index, metric)
    {
        for (int side = 0; side < 2; side++) {
            char *name = memory_format("%s, %s", text_of(metric, "name"),
                                       side ? "before" : "after");
            document_metric(flame, name, text_of(metric, "unit"));
            free(name);
        }
        json_t *list = json_object_get(flame, "metrics");
        json_put(json_array_get(list, 2 * index), "baseline", json_integer((int)(2 * index + 1)));
    }
    for (size_t at = 0; at < merger.count; at++) {
        struct merged *node = &merger.nodes[at];
        document_node(flame, node->parent, node->name, node->values, 2 * merger.metrics);
        free(node->values);
    }
    document_note(flame, "Orange: more than before; blue: less; grey: as much.");
    free(merger.nodes);
    free(merger.slots);
}

/*
 * --- all of it -----------------------------------------------------------------------------------
 */

static const json_t *section_like(const json_t *document, const json_t *like)
{
    const json_t *section;
    size_t index;

    json_array_foreach(json_object_get(document, "sections"), index,
                       section) if (has_kind(section, text_of(like, "kind")) &&
                                    strcmp(text_of(section, "title"), text_of(like, "title")) ==
                                        0) return section;
    return NULL;
}

static void add_section(json_t *document, const json_t *before, const json_t *after)
{
    if (has_kind(after, "figures"))
        add_figures(document, before, after);
    else if (has_kind(after, "table"))
        add_table(document, before, after);
    else if (has_kind(after, "series"))
        add_pair(document, "lines", before, after);
    else if (has_kind(after, "bars"))
        add_bars(document, before, after);
    else if (has_kind(after, "histogram"))
        add_histogram(document, before, after);
    else if (has_kind(after, "flame"))
        add_flame(document, before, after);
}

/* The names of the sections of `of` that `other` has not. */
static void name_missing(json_t *document, const json_t *of, const json_t *other, const char *title)
{
    const json_t *section;
    char *names = NULL;
    size_t index;

    json_array_foreach(json_object_get(of, "sections"), index, section)
    {
        if (section_like(other, section))
            continue;
        char *more = names ? memory_format("%s, %s", names, text_of(section, "title"))
                           : memory_copy(text_of(section, "title"));
        free(names);
        names = more;
    }
    if (names)
        document_text(document, title, names);
    free(names);
}

json_t *document_difference(const json_t *before, const json_t *after, char *const *command)
{
    char *title = memory_format("%s → %s", text_of(before, "title"), text_of(after, "title"));
    json_t *document = document_new("cairn.diff", 1, title, command);
    const json_t *section;
    size_t index;

    free(title);
    json_array_foreach(json_object_get(after, "sections"), index, section)
    {
        const json_t *old = section_like(before, section);
        if (old)
            add_section(document, old, section);
    }
    name_missing(document, before, after, "Only before");
    name_missing(document, after, before, "Only after");
    return document;
}
