/* SPDX-License-Identifier: MIT */
/* See summary.h. */
#include "record/summary.h"

#include <inttypes.h>
#include <stdlib.h>

#include "json.h"
#include "outcome.h"
#include "text.h"

enum { SCHEMA_VERSION = 1 };

const char *summary_objection(const struct summary *summary)
{
    const struct totals *totals = summary->totals;

    if (totals->processes == 0)
        return "the recording library was not loaded into it";
    if (totals->allocations + totals->frees > 0)
        return NULL;
    return summary->brings_malloc ? "it exports a malloc of its own and never called ours"
                                  : "it never called malloc; it may have an allocator inside";
}

static const char *plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

static void print_figures(const struct summary *summary, FILE *to)
{
    const struct totals *totals = summary->totals;
    char events[TEXT_SHORT], count[TEXT_SHORT], bytes[TEXT_SHORT];

    fprintf(to, ": %s events of %" PRIu32 " process%s and %" PRIu32 " thread%s\n",
            text_count(events, (double)totals->events), totals->processes,
            plural(totals->processes, "", "es"), totals->threads, plural(totals->threads, "", "s"));
    fprintf(to, "  %s allocations", text_count(count, (double)totals->allocations));
    if (totals->failed)
        fprintf(to, " (%s failed)", text_count(count, (double)totals->failed));
    fprintf(to, "   peak %s live", text_bytes(bytes, (double)totals->peak_bytes));
    fprintf(to, "   not freed at exit: %s blocks", text_count(count, (double)totals->left_blocks));
    fprintf(to, ", %s\n", text_bytes(bytes, (double)totals->left_bytes));
    if (summary->lost)
        fprintf(to, "  %s events could not be recorded\n",
                text_count(count, (double)summary->lost));
}

void summary_text(const struct summary *summary, FILE *to)
{
    const struct totals *totals = summary->totals;
    const char *objection = summary_objection(summary);
    char bytes[TEXT_SHORT];

    outcome_print(summary->outcome, summary->argv[0], to);
    if (objection) {
        fprintf(to, "\ncairn: nothing recorded of %s: %s\n", text_basename(summary->argv[0]),
                objection);
        return;
    }
    print_figures(summary, to);
    char *path = text_quoted(summary->path);
    fprintf(to, "  %s: %s, %.1f bytes an event%s\n", path,
            text_bytes(bytes, (double)totals->file_bytes),
            (double)totals->file_bytes / (double)totals->events,
            summary->whole ? "" : " (not whole)");
    fprintf(to, "  next: cairn report %s\n", path);
    free(path);
}

static void put_count(json_t *object, const char *key, uint64_t value)
{
    json_put(object, key, json_integer((json_int_t)value));
}

void summary_json(const struct summary *summary, FILE *to)
{
    const struct spawn_outcome *outcome = summary->outcome;
    const struct totals *totals = summary->totals;
    json_t *document = json_document("cairn.record", SCHEMA_VERSION);

    json_put(document, "command", json_from_argv(summary->argv));
    json_put(document, "file", json_from_text(summary->path));
    json_put(document, "whole", json_boolean(summary->whole));
    json_put(document, "not_recorded_reason", json_from_text(summary_objection(summary)));
    json_put(document, "pid", json_integer(outcome->pid));
    outcome_put_end(document, outcome->exit_code, outcome->signal);
    json_put(document, "wall_seconds", json_from_real(outcome->wall));
    put_count(document, "events", totals->events);
    put_count(document, "allocations", totals->allocations);
    put_count(document, "failed_allocations", totals->failed);
    put_count(document, "frees", totals->frees);
    put_count(document, "frees_of_unknown", totals->unknown);
    put_count(document, "peak_live_bytes", totals->peak_bytes);
    json_put(document, "peak_seconds", json_from_real((double)totals->peak_time * 1e-9));
    put_count(document, "left_blocks", totals->left_blocks);
    put_count(document, "left_bytes", totals->left_bytes);
    put_count(document, "processes", totals->processes);
    put_count(document, "threads", totals->threads);
    put_count(document, "lost_events", summary->lost);
    put_count(document, "file_bytes", totals->file_bytes);
    json_finish(document, to);
}
