/* SPDX-License-Identifier: MIT */
/* What changed between two profiles, as a document: see profile_document.h. */
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "page/document.h"
#include "profile/difference.h"
#include "profile/document_parts.h"
#include "text.h"

enum { VERSION = 1, ROWS = 50 };

static void put_change(json_t *object, const char *name, double before, double after)
{
    json_t *change = json_object();

    json_put(change, "before", json_from_real(before));
    json_put(change, "after", json_from_real(after));
    json_put(change, "change", json_from_real(after - before));
    json_put(object, name, change);
}

static void add_figure(json_t *figures, json_t *summary, const char *name, const char *key,
                       const char *unit, double before, double after)
{
    char from[TEXT_SHORT], to[TEXT_SHORT];
    char *(*show)(char out[TEXT_SHORT], double value) = strcmp(unit, "bytes") == 0 ? text_bytes
                                                        : strcmp(unit, "seconds") == 0
                                                            ? text_seconds
                                                            : text_count;
    char *note = memory_format("from %s to %s", show(from, before), show(to, after));

    document_figure(figures, name, after - before, unit, note);
    put_change(summary, key, before, after);
    free(note);
}

static void add_figures(json_t *document, const struct profile *before, const struct profile *after)
{
    const struct profile_sums *a = &before->whole, *b = &after->whole;
    json_t *figures = document_figures(document, "What changed"), *summary = json_object();

    add_figure(figures, summary, "peak of live bytes", "peak_bytes", "bytes", (double)a->peak_bytes,
               (double)b->peak_bytes);
    add_figure(figures, summary, "never freed", "never_freed_bytes", "bytes", (double)a->live_bytes,
               (double)b->live_bytes);
    add_figure(figures, summary, "allocated in all", "bytes", "bytes", (double)a->bytes,
               (double)b->bytes);
    add_figure(figures, summary, "allocations", "blocks", "count", (double)a->blocks,
               (double)b->blocks);
    add_figure(figures, summary, "temporary allocations", "temporary_blocks", "count",
               (double)a->temporary, (double)b->temporary);
    add_figure(figures, summary, "length", "seconds", "seconds", before->seconds, after->seconds);
    json_put(document, "summary", summary);
}

/* Both sides of each node become what is more and what is less in its own values. */
static void split_by_sign(struct call_tree *tree)
{
    static const enum call_value kept[] = {CALL_PEAK, CALL_LEFT, CALL_BYTES, CALL_BLOCKS};

    for (size_t i = 0; i < tree->count; i++) {
        double *own = tree->nodes[i].own, result[CALL_VALUES] = {0};
        for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
            double change = own[CALL_OF_PROFILE + kept[k]] - own[kept[k]];
            result[2 * k] = change > 0 ? change : 0;
            result[2 * k + 1] = change < 0 ? -change : 0;
        }
        memcpy(own, result, sizeof result);
    }
}

static void add_flame(json_t *document, struct profile_named before, struct profile_named after)
{
    static const char *const metrics[][2] = {
        {"more live at the peak", "bytes"}, {"less live at the peak", "bytes"},
        {"more never freed", "bytes"},      {"less never freed", "bytes"},
        {"more allocated bytes", "bytes"},  {"less allocated bytes", "bytes"},
        {"more allocated blocks", "count"}, {"fewer allocated blocks", "count"},
    };
    enum { METRICS = sizeof metrics / sizeof *metrics };
    json_t *flame = document_flame(document, "Calls");
    struct call_tree tree;

    for (size_t i = 0; i < METRICS; i++)
        document_metric(flame, metrics[i][0], metrics[i][1]);
    call_tree_init(&tree);
    call_tree_add(&tree, before.profile, before.symbols, 0);
    call_tree_add(&tree, after.profile, after.symbols, CALL_OF_PROFILE);
    split_by_sign(&tree);
    part_flame_nodes(flame, &tree, METRICS);
    call_tree_fini(&tree);
    document_note(flame,
                  "Stacks are matched by the names of their functions. Each is in one of the "
                  "two metrics, by whether it has more or less than before.");
}

static void add_row(json_t *table, const struct change *change, enum site_order order)
{
    char *place = part_place(change->file, 0, change->module);
    json_t *cells = json_array();

    json_append(cells, json_from_text(change->function));
    json_append(cells, json_from_text(place));
    json_append(cells, json_from_real(change_value(change, order)));
    json_append(cells, json_integer((json_int_t)sums_value(&change->before, order)));
    json_append(cells, json_integer((json_int_t)sums_value(&change->after, order)));
    document_row(table, cells);
    free(place);
}

/* Those with the sign, greatest change first; no table for none. */
static void add_changes(json_t *document, const struct changes *changes, enum site_order order,
                        double sign, const char *title)
{
    const char *unit = order == SITE_PEAK || order == SITE_LEFT ? "bytes" : "count";
    json_t *table = NULL;

    for (size_t i = 0; i < changes->count && i < ROWS; i++) {
        const struct change *change = &changes->items[sign > 0 ? i : changes->count - 1 - i];
        if (change_value(change, order) * sign <= 0)
            break;
        if (!table) {
            table = document_table(document, title);
            document_column(table, "function", "", NULL);
            document_column(table, "file", "", NULL);
            document_column(table, "change", unit, "less");
            document_column(table, "before", unit, NULL);
            document_column(table, "after", unit, NULL);
        }
        add_row(table, change, order);
    }
}

static void add_tables(json_t *document, struct profile_named before, struct profile_named after)
{
    static const struct {
        const char *grew, *shrank;
    } titles[SITE_ORDERS] = {
        [SITE_PEAK] = {"More live at the peak", "Less live at the peak"},
        [SITE_LEFT] = {"More never freed", "Less never freed"},
        [SITE_BLOCKS] = {"More allocations", "Fewer allocations"},
        [SITE_TEMPORARY] = {"More temporary allocations", "Fewer temporary allocations"},
    };
    struct changes changes;

    changes_find(&changes, before, after);
    for (enum site_order order = 0; order < SITE_ORDERS; order++) {
        changes_sort(&changes, order);
        add_changes(document, &changes, order, 1, titles[order].grew);
        add_changes(document, &changes, order, -1, titles[order].shrank);
    }
    changes_fini(&changes);
}

static json_t *side_json(const struct profile *profile)
{
    json_t *side = json_object();

    json_put(side, "file", json_from_text(profile->path));
    json_put(side, "recorded", json_from_text(trace_info(profile->reader)->command));
    json_put(side, "damage", json_from_text(profile->damage));
    return side;
}

json_t *profile_difference(struct profile_named before, struct profile_named after,
                           char *const *command)
{
    char *title = part_difference_title(before.profile, after.profile);
    json_t *document = document_new("cairn.diff", VERSION, title, command);

    free(title);
    json_put(document, "before", side_json(before.profile));
    json_put(document, "after", side_json(after.profile));
    add_figures(document, before.profile, after.profile);
    json_t *series = part_live_series(document);
    part_live_lines(series, before.profile, " before");
    part_live_lines(series, after.profile, " after");
    series = part_rate_series(document);
    part_rate_line(series, before.profile, "before");
    part_rate_line(series, after.profile, "after");
    add_flame(document, before, after);
    add_tables(document, before, after);
    part_histogram(document, before.profile, PART_SIZES, "Sizes before");
    part_histogram(document, after.profile, PART_SIZES, "Sizes after");
    part_histogram(document, before.profile, PART_LIFETIMES, "Lifetimes before");
    part_histogram(document, after.profile, PART_LIFETIMES, "Lifetimes after");
    return document;
}
