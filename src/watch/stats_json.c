/* SPDX-License-Identifier: MIT */
/*
 * Statistics as JSON (RFC 8259), in one line, so that reports appended to one file can be told apart.
 * Fields are added, never changed in meaning; if one must, the version goes up. Keys are those of
 * struct cairn_stats, where there is one.
 */
#include "watch/stats.h"

#include <string.h>

#include "core/heap.h"
#include "os/os.h"

/* separator: what goes before, "{" or ",". */
static void put_number(struct output *output, const char *separator, const char *key, size_t value)
{
    cairn__output_put(output, separator);
    cairn__output_put(output, "\"");
    cairn__output_put(output, key);
    cairn__output_put(output, "\":");
    cairn__output_uint(output, value);
}

static void put_header(struct output *output)
{
    char program[256];
    size_t length = cairn__os_program(program, sizeof program);
    cairn__output_put(
        output, "{\"schema\":\"cairn.stats\",\"version\":1,\"cairn\":\"" CAIRN_VERSION_TEXT "\"");
    put_number(output, ",", "pid", (size_t)cairn__os_process_id());
    cairn__output_put(output, ",\"program\":");
    cairn__output_quoted(output, program, length);
}

static void put_counts(struct output *output, const struct heap_counts *counts)
{
    put_number(output, ",", "handed", counts->handed);
    put_number(output, ",", "trips", counts->trips);
    put_number(output, ",", "handed_large", counts->large);
    put_number(output, ",", "recent_large", counts->recent);
}

static void put_totals(struct output *output, const struct snapshot *snapshot)
{
    const struct cairn__figures *figures = &snapshot->figures;
    put_number(output, ",", "reserved", figures->reserved);
    put_number(output, ",", "mapped", figures->mapped);
    put_number(output, ",", "committed", figures->committed);
    put_number(output, ",", "peak_committed", figures->peak_committed);
    put_number(output, ",", "live", figures->live);
    put_number(output, ",", "huge", figures->huge);
    put_number(output, ",", "huge_count", figures->huge_count);
    put_number(output, ",", "metadata", figures->metadata);
    put_number(output, ",", "pages", figures->pages);
    put_number(output, ",", "heaps", figures->heaps);
    put_number(output, ",", "foreign_frees", snapshot->foreign_frees);
    put_number(output, ",", "large", figures->large);
    put_number(output, ",", "large_count", figures->large_count);
    put_number(output, ",", "page_free", figures->returned);
    put_number(output, ",", "page_unused", figures->unused);
    put_number(output, ",", "kept", figures->kept);
    put_number(output, ",", "tables", figures->tables);
    put_number(output, ",", "asked", figures->asked);
    put_counts(output, &figures->counts);
    put_number(output, ",", "pages_cold", figures->pages_cold);
    put_number(output, ",", "pages_depot", figures->pages_shelved);
}

/* Left out where the system does not tell. */
static void put_resident(struct output *output, const struct snapshot *snapshot)
{
    if (snapshot->resident == 0)
        return;
    put_number(output, ",", "resident", snapshot->resident);
    put_number(output, ",", "resident_own", snapshot->resident_own);
    put_number(output, ",", "resident_other", snapshot->resident_other);
    put_number(output, ",", "absent", snapshot->absent);
}

static void put_classes(struct output *output, const struct snapshot *snapshot)
{
    cairn__output_put(output, ",\"classes\":[");
    const char *separator = "";
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        const struct class_figures *row = &snapshot->classes[class];
        size_t size = cairn__classes[class].size;
        if (row->pages == 0)
            continue;
        cairn__output_put(output, separator);
        separator = ",";
        put_number(output, "{", "block", size);
        put_number(output, ",", "pages", row->pages);
        put_number(output, ",", "bytes", row->bytes);
        put_number(output, ",", "live_blocks", row->live);
        put_number(output, ",", "live", row->live * size);
        put_number(output, ",", "asked", row->asked);
        put_number(output, ",", "free", row->returned * size);
        put_number(output, ",", "unused", row->bytes - (row->live + row->returned) * size);
        cairn__output_put(output, "}");
    }
    cairn__output_put(output, "]");
}

static void put_heaps(struct output *output)
{
    enum { AT_A_TIME = 32 };
    struct heap_figures rows[AT_A_TIME];
    const struct heap *next = NULL;
    const char *separator = "";
    cairn__output_put(output, ",\"heaps_by_age\":[");
    do {
        size_t count;
        next = cairn__figures_heaps(next, rows, AT_A_TIME, &count);
        for (size_t i = 0; i < count; i++) {
            cairn__output_put(output, separator);
            separator = ",";
            put_number(output, "{", "heap", rows[i].heap->number);
            cairn__output_put(output, ",\"state\":\"");
            cairn__output_put(output, cairn__stats_heap_state(&rows[i]));
            cairn__output_put(output, "\"");
            if (rows[i].name[0] != '\0') {
                cairn__output_put(output, ",\"name\":");
                cairn__output_quoted(output, rows[i].name, strnlen(rows[i].name, HEAP_NAME_SIZE));
            }
            put_number(output, ",", "pages", rows[i].pages);
            put_number(output, ",", "bytes", rows[i].bytes);
            put_number(output, ",", "live", rows[i].live);
            put_counts(output, &rows[i].counts);
            cairn__output_put(output, "}");
        }
    } while (next != NULL);
    cairn__output_put(output, "]");
}

void cairn__stats_json(struct output *output, const struct snapshot *snapshot)
{
    put_header(output);
    put_totals(output, snapshot);
    put_resident(output, snapshot);
    put_classes(output, snapshot);
    put_heaps(output);
    cairn__output_put(output, "}\n");
}
