/* SPDX-License-Identifier: MIT */
/* See document.h. */
#define _GNU_SOURCE
#include "page/document.h"

#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static json_t *machine(void)
{
    json_t *object = json_object();
    struct utsname names;

    if (uname(&names) == 0) {
        json_put(object, "architecture", json_from_text(names.machine));
        json_put(object, "kernel", json_from_text(names.release));
    }
    json_put(object, "processors", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_put(object, "page_size", json_integer(sysconf(_SC_PAGESIZE)));
    return object;
}

json_t *document_new(const char *schema, int version, const char *title, char *const *command)
{
    json_t *document = json_document(schema, version);
    char made[32] = "";
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc))
        strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_put(document, "title", json_from_text(title));
    json_put(document, "command", command ? json_from_argv(command) : json_null());
    json_put(document, "made", json_from_text(made));
    json_put(document, "machine", machine());
    json_put(document, "sections", json_array());
    return document;
}

static json_t *section(json_t *document, const char *kind, const char *title)
{
    json_t *object = json_object();

    json_put(object, "kind", json_from_text(kind));
    json_put(object, "title", json_from_text(title));
    json_append(json_object_get(document, "sections"), object);
    return object;
}

/* An array that `object` has under `key`, made at first. */
static json_t *array_in(json_t *object, const char *key)
{
    json_t *array = json_object_get(object, key);

    if (!array) {
        json_put(object, key, json_array());
        array = json_object_get(object, key);
    }
    return array;
}

static void put_axis(json_t *object, const char *key, const char *name, const char *unit)
{
    json_t *axis = json_object();

    json_put(axis, "name", json_from_text(name));
    json_put(axis, "unit", json_from_text(unit));
    json_put(object, key, axis);
}

static void put_reals(json_t *object, const char *key, const double *values, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_append(array, json_from_real(values[i]));
    json_put(object, key, array);
}

void document_text(json_t *document, const char *title, const char *text)
{
    json_put(section(document, "text", title), "text", json_from_text(text));
}

json_t *document_figures(json_t *document, const char *title)
{
    json_t *figures = section(document, "figures", title);

    array_in(figures, "items");
    return figures;
}

void document_figure(json_t *figures, const char *name, double value, const char *unit,
                     const char *note)
{
    json_t *item = json_object();

    json_put(item, "name", json_from_text(name));
    json_put(item, "value", json_from_real(value));
    json_put(item, "unit", json_from_text(unit));
    if (note)
        json_put(item, "note", json_from_text(note));
    json_append(array_in(figures, "items"), item);
}

json_t *document_table(json_t *document, const char *title)
{
    json_t *table = section(document, "table", title);

    array_in(table, "columns");
    array_in(table, "rows");
    return table;
}

void document_column(json_t *table, const char *name, const char *unit, const char *better)
{
    json_t *column = json_object();

    json_put(column, "name", json_from_text(name));
    json_put(column, "unit", json_from_text(unit));
    json_put(column, "better", json_from_text(better));
    json_append(array_in(table, "columns"), column);
}

void document_row(json_t *table, json_t *cells)
{
    json_append(array_in(table, "rows"), cells);
}

json_t *document_series(json_t *document, const char *title, const char *x_name, const char *x_unit,
                        const char *y_name, const char *y_unit)
{
    json_t *series = section(document, "series", title);

    put_axis(series, "x", x_name, x_unit);
    put_axis(series, "y", y_name, y_unit);
    array_in(series, "lines");
    return series;
}

void document_line(json_t *series, const char *name, const double *x, const double *y,
                   size_t points)
{
    json_t *line = json_object();

    json_put(line, "name", json_from_text(name));
    put_reals(line, "x", x, points);
    put_reals(line, "y", y, points);
    json_append(array_in(series, "lines"), line);
}

json_t *document_bars(json_t *document, const char *title, const char *y_name, const char *y_unit,
                      const char *const *categories, size_t count)
{
    json_t *bars = section(document, "bars", title);

    put_axis(bars, "y", y_name, y_unit);
    for (size_t i = 0; i < count; i++)
        json_append(array_in(bars, "categories"), json_from_text(categories[i]));
    array_in(bars, "series");
    return bars;
}

void document_bar(json_t *bars, const char *name, const double *values, const double *low,
                  const double *high, size_t count)
{
    json_t *bar = json_object();

    json_put(bar, "name", json_from_text(name));
    put_reals(bar, "values", values, count);
    if (low)
        put_reals(bar, "low", low, count);
    if (high)
        put_reals(bar, "high", high, count);
    json_append(array_in(bars, "series"), bar);
}

json_t *document_histogram(json_t *document, const char *title, const char *x_name,
                           const char *x_unit, bool logarithmic)
{
    json_t *histogram = section(document, "histogram", title);

    put_axis(histogram, "x", x_name, x_unit);
    json_put(histogram, "logarithmic", json_boolean(logarithmic));
    array_in(histogram, "bins");
    return histogram;
}

void document_bin(json_t *histogram, double from, double to, double count, double bytes)
{
    json_t *bin = json_object();

    json_put(bin, "from", json_from_real(from));
    json_put(bin, "to", json_from_real(to));
    json_put(bin, "count", json_from_real(count));
    json_put(bin, "bytes", json_from_real(bytes));
    json_append(array_in(histogram, "bins"), bin);
}

json_t *document_flame(json_t *document, const char *title)
{
    json_t *flame = section(document, "flame", title);

    array_in(flame, "metrics");
    array_in(flame, "nodes");
    return flame;
}

void document_metric(json_t *flame, const char *name, const char *unit)
{
    json_t *metric = json_object();

    json_put(metric, "name", json_from_text(name));
    json_put(metric, "unit", json_from_text(unit));
    json_append(array_in(flame, "metrics"), metric);
}

void document_node(json_t *flame, int parent, const char *name, const double *values, size_t count)
{
    json_t *node = json_array(); /* [parent, name, value…] */

    json_append(node, json_integer(parent));
    json_append(node, json_from_text(name));
    for (size_t i = 0; i < count; i++)
        json_append(node, json_from_real(values[i]));
    json_append(array_in(flame, "nodes"), node);
}

json_t *document_heapmap(json_t *document, const char *title)
{
    json_t *heapmap = section(document, "heapmap", title);

    array_in(heapmap, "states");
    array_in(heapmap, "frames");
    return heapmap;
}

void document_state(json_t *heapmap, const char *name)
{
    json_append(array_in(heapmap, "states"), json_from_text(name));
}

json_t *document_frame(json_t *heapmap, const char *label)
{
    json_t *frame = json_object();

    json_put(frame, "label", json_from_text(label));
    array_in(frame, "runs");
    json_append(array_in(heapmap, "frames"), frame);
    return frame;
}

void document_run(json_t *frame, unsigned state, double bytes)
{
    json_t *run = json_array();

    json_append(run, json_integer(state));
    json_append(run, json_from_real(bytes));
    json_append(array_in(frame, "runs"), run);
}

void document_note(json_t *section, const char *note)
{
    json_put(section, "note", json_from_text(note));
}
