/* SPDX-License-Identifier: MIT */
/*
 * What verbs have found, as a document that people can look at: a JSON object with a schema of the
 * verb's own, and `sections`, of few kinds, which `cairn report` draws whatever verb they are from.
 * docs/report-format.md describes them. The calls here build sections with jansson; each is put into
 * the document at once, in order, and returned for what may be added to it.
 *
 * Units are "bytes", "seconds", "nanoseconds", "count", "ratio", "percent", "operations" or "".
 */
#ifndef CAIRN_TOOLS_PAGE_DOCUMENT_H
#define CAIRN_TOOLS_PAGE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"

/* {schema, version, title, command, made (ISO 8601), machine{…}, sections: []} */
json_t *document_new(const char *schema, int version, const char *title, char *const *command);

/* A paragraph or more of prose. */
void document_text(json_t *document, const char *title, const char *text);

/* Single figures, large: document_figure adds one. note may be NULL. */
json_t *document_figures(json_t *document, const char *title);
void document_figure(json_t *figures, const char *name, double value, const char *unit,
                     const char *note);

/* A table. Columns first, then rows: arrays of strings, numbers, or nulls, as many as columns.
 * better: "less", "more" or NULL. */
json_t *document_table(json_t *document, const char *title);
void document_column(json_t *table, const char *name, const char *unit, const char *better);
void document_row(json_t *table, json_t *cells);

/* Lines over a common axis. */
json_t *document_series(json_t *document, const char *title, const char *x_name, const char *x_unit,
                        const char *y_name, const char *y_unit);
void document_line(json_t *series, const char *name, const double *x, const double *y,
                   size_t points);

/* Bars: a group of them for each category, one of each name. low, high: NULL, or the ends of each
 * confidence interval. values that are not finite are left out. */
json_t *document_bars(json_t *document, const char *title, const char *y_name, const char *y_unit,
                      const char *const *categories, size_t count);
void document_bar(json_t *bars, const char *name, const double *values, const double *low,
                  const double *high, size_t count);

/* Bins over one axis, from (with) to (without). */
json_t *document_histogram(json_t *document, const char *title, const char *x_name,
                           const char *x_unit, bool logarithmic);
void document_bin(json_t *histogram, double from, double to, double count, double bytes);

/*
 * A tree of calls. Metrics first; then nodes: each with a parent that came before (-1: none), its
 * name, and its own value of each metric (without those of its children).
 */
json_t *document_flame(json_t *document, const char *title);
void document_metric(json_t *flame, const char *name, const char *unit);
void document_node(json_t *flame, int parent, const char *name, const double *values, size_t count);

/*
 * Pictures of a heap, one after the other: runs of bytes in some state. States first ("free",
 * "used", …); then a frame with its label, and its runs in address order.
 */
json_t *document_heapmap(json_t *document, const char *title);
void document_state(json_t *heapmap, const char *name);
json_t *document_frame(json_t *heapmap, const char *label);
void document_run(json_t *frame, unsigned state, double bytes);

/* A note under the section, for how it was measured or what it means. */
void document_note(json_t *section, const char *note);

#endif
