/* SPDX-License-Identifier: MIT */
/*
 * A profile as a document: see profile_document.h. Beside the sections it has the figures as plain
 * numbers ("summary"), and the stacks that matter most, call by call ("stacks"), for programs.
 */
#include "profile/profile_document.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "page/document.h"
#include "profile/document_parts.h"
#include "profile/sites.h"
#include "text.h"

enum { VERSION = 1, SITES = 50, STACKS = 50, STACK_CALLS = 64, THREADS = 100, PROCESSES = 100 };

static const struct {
    const char *title, *note, *key;
} orders[SITE_ORDERS] = {
    [SITE_PEAK] = {"Most live at the peak", "Bytes and blocks live at the moment of the peak.",
                   "peak"},
    [SITE_LEFT] = {"Never freed",
                   "Bytes and blocks not freed by the end. Some of them the program may still have "
                   "had a use for: a recording cannot tell.",
                   "never_freed"},
    [SITE_BLOCKS] = {"Most allocations", "Bytes and blocks allocated in all.", "allocations"},
    [SITE_TEMPORARY] = {"Most temporary allocations",
                        "Blocks that their thread freed before it allocated again.", "temporary"},
};

/*
 * --- figures ------------------------------------------------------------------------------------
 */

static double share(uint64_t part, uint64_t whole)
{
    return whole ? 100 * (double)part / (double)whole : 0;
}

static void add_figures(json_t *document, const struct profile *profile)
{
    const struct profile_sums *whole = &profile->whole;
    json_t *figures = document_figures(document, "In short");
    char blocks[TEXT_SHORT], text[TEXT_SHORT];
    uint32_t processes = profile_processes(profile);

    char *note = memory_format("in %s blocks, after %s%s",
                               text_count(blocks, (double)whole->peak_blocks),
                               text_seconds(text, profile->peak_seconds),
                               processes > 1 ? ", of all processes together" : "");
    document_figure(figures, "peak of live bytes", (double)whole->peak_bytes, "bytes", note);
    free(note);
    note = memory_format("in %s blocks", text_count(blocks, (double)whole->live_blocks));
    document_figure(figures, "never freed", (double)whole->live_bytes, "bytes", note);
    free(note);
    if (profile->suppressed_blocks) {
        note = memory_format("in %s blocks, left out of it",
                             text_count(blocks, (double)profile->suppressed_blocks));
        document_figure(figures, "never freed, suppressed", (double)profile->suppressed_bytes,
                        "bytes", note);
        free(note);
    }
    document_figure(figures, "allocated in all", (double)whole->bytes, "bytes", NULL);
    document_figure(figures, "allocations", (double)whole->blocks, "count", NULL);
    document_figure(figures, "temporary", share(whole->temporary, whole->blocks), "percent",
                    "of the allocations: freed before their thread allocated again");
    if (processes > 1)
        document_figure(figures, "processes", processes, "count",
                        "these figures are of all of them; --process N shows one");
    document_figure(figures, "length", profile->seconds, "seconds", NULL);
    document_figure(figures, "events", (double)profile->events, "count", NULL);
    if (profile->failed)
        document_figure(figures, "failed", (double)profile->failed, "count",
                        "allocations that returned NULL");
    if (profile->unknown_frees)
        document_figure(figures, "frees of unknown blocks", (double)profile->unknown_frees, "count",
                        "inherited by fork, or older than the recording");
}

static json_t *sums_json(const struct profile_sums *sums)
{
    json_t *object = json_object();

    json_put(object, "blocks", json_integer((json_int_t)sums->blocks));
    json_put(object, "bytes", json_integer((json_int_t)sums->bytes));
    json_put(object, "peak_blocks", json_integer((json_int_t)sums->peak_blocks));
    json_put(object, "peak_bytes", json_integer((json_int_t)sums->peak_bytes));
    json_put(object, "never_freed_blocks", json_integer((json_int_t)sums->live_blocks));
    json_put(object, "never_freed_bytes", json_integer((json_int_t)sums->live_bytes));
    json_put(object, "temporary_blocks", json_integer((json_int_t)sums->temporary));
    json_put(object, "largest_bytes", json_integer((json_int_t)sums->largest));
    return object;
}

static void put_summary(json_t *document, const struct profile *profile)
{
    json_t *summary = sums_json(&profile->whole);

    json_put(summary, "seconds", json_from_real(profile->seconds));
    json_put(summary, "peak_seconds", json_from_real(profile->peak_seconds));
    json_put(summary, "events", json_integer((json_int_t)profile->events));
    json_put(summary, "frees", json_integer((json_int_t)profile->frees));
    json_put(summary, "reallocs", json_integer((json_int_t)profile->reallocs));
    json_put(summary, "failed", json_integer((json_int_t)profile->failed));
    json_put(summary, "unknown_frees", json_integer((json_int_t)profile->unknown_frees));
    json_put(summary, "suppressed_blocks", json_integer((json_int_t)profile->suppressed_blocks));
    json_put(summary, "suppressed_bytes", json_integer((json_int_t)profile->suppressed_bytes));
    json_put(document, "summary", summary);
    json_put(document, "damage", json_from_text(profile->damage));
}

/*
 * --- the flame graph ----------------------------------------------------------------------------
 */

static void add_flame(json_t *document, const struct profile *profile, struct symbols *symbols)
{
    json_t *flame = document_flame(document, "Calls");
    struct call_tree tree;

    document_metric(flame, "allocated bytes", "bytes");
    document_metric(flame, "allocated blocks", "count");
    document_metric(flame, "live at the peak", "bytes");
    document_metric(flame, "never freed", "bytes");
    document_metric(flame, "temporary blocks", "count");
    call_tree_init(&tree);
    call_tree_add(&tree, profile, symbols, 0);
    part_flame_nodes(flame, &tree, CALL_OF_PROFILE);
    call_tree_fini(&tree);
    document_note(flame,
                  "Stacks whose functions have the same names are one. Inlined functions are "
                  "shown as calls. What is below a ten-thousandth of every metric is put "
                  "together as (other).");
}

/*
 * --- tables -------------------------------------------------------------------------------------
 */

static void add_site_row(json_t *table, const struct site *site, enum site_order order)
{
    const struct profile_sums *sums = &site->sums;
    uint64_t bytes = order == SITE_PEAK   ? sums->peak_bytes
                     : order == SITE_LEFT ? sums->live_bytes
                                          : sums->bytes;
    uint64_t blocks = order == SITE_PEAK        ? sums->peak_blocks
                      : order == SITE_LEFT      ? sums->live_blocks
                      : order == SITE_TEMPORARY ? sums->temporary
                                                : sums->blocks;
    char *place = part_place(site->file, site->line, site->module);
    json_t *cells = json_array();

    json_append(cells, json_from_text(site->function));
    json_append(cells, json_from_text(place));
    if (order != SITE_TEMPORARY)
        json_append(cells, json_integer((json_int_t)bytes));
    json_append(cells, json_integer((json_int_t)blocks));
    json_append(cells, sums->blocks ? json_from_real((double)sums->bytes / (double)sums->blocks)
                                    : json_null());
    json_append(cells, sums->freed
                           ? json_from_real((double)sums->lifetime / (double)sums->freed / 1e9)
                           : json_null());
    document_row(table, cells);
    free(place);
}

static void add_sites(json_t *document, struct sites *sites, enum site_order order)
{
    json_t *table = NULL;

    sites_sort(sites, order);
    for (size_t i = 0; i < sites->count && i < SITES; i++) {
        if (sums_value(&sites->items[i].sums, order) == 0)
            break;
        if (!table) {
            table = document_table(document, orders[order].title);
            document_column(table, "function", "", NULL);
            document_column(table, "place", "", NULL);
            if (order != SITE_TEMPORARY)
                document_column(table, "bytes", "bytes", NULL);
            document_column(table, "blocks", "count", NULL);
            document_column(table, "mean size", "bytes", NULL);
            document_column(table, "mean lifetime", "seconds", NULL);
            document_note(table, orders[order].note);
        }
        add_site_row(table, &sites->items[i], order);
    }
}

/* A number that names something is text: it is not grouped, and no bar is drawn for it. */
static void append_id(json_t *cells, long long id)
{
    char *text = memory_format("%lld", id);

    json_append(cells, json_from_text(text));
    free(text);
}

struct process_rank {
    uint32_t index;
    const struct profile_process *sums;
};

static int by_peak(const void *left, const void *right)
{
    const struct process_rank *a = left, *b = right;

    if (a->sums->peak_bytes != b->sums->peak_bytes)
        return a->sums->peak_bytes < b->sums->peak_bytes ? 1 : -1;
    return (a->index > b->index) - (a->index < b->index);
}

static void add_process_row(json_t *table, const struct profile *profile,
                            const struct process_rank *rank)
{
    const struct trace_process *process = trace_process(profile->reader, rank->index);
    json_t *cells = json_array();

    json_append(cells, json_from_text(*process->command ? process->command : "(not known)"));
    append_id(cells, rank->index);
    append_id(cells, process->pid);
    json_append(cells, json_integer((json_int_t)rank->sums->peak_bytes));
    json_append(cells, json_integer((json_int_t)rank->sums->live_bytes));
    json_append(cells, json_integer((json_int_t)rank->sums->bytes));
    json_append(cells, json_integer((json_int_t)rank->sums->blocks));
    document_row(table, cells);
}

/* If there are several. */
static void add_processes(json_t *document, const struct profile *profile)
{
    uint32_t count = trace_processes(profile->reader), used = 0;
    struct process_rank *ranks = memory_take(count, sizeof *ranks);

    for (uint32_t i = 0; i < count; i++)
        if (profile->processes[i].blocks)
            ranks[used++] = (struct process_rank){i, &profile->processes[i]};
    qsort(ranks, used, sizeof *ranks, by_peak);
    if (used > 1) {
        json_t *table = document_table(document, "Processes");
        document_column(table, "process", "", NULL);
        document_column(table, "number", "", NULL);
        document_column(table, "pid", "", NULL);
        document_column(table, "peak", "bytes", NULL);
        document_column(table, "never freed", "bytes", NULL);
        document_column(table, "allocated", "bytes", NULL);
        document_column(table, "allocations", "count", NULL);
        for (uint32_t i = 0; i < used && i < PROCESSES; i++)
            add_process_row(table, profile, &ranks[i]);
        char *more = used > PROCESSES
                         ? memory_format(" %u with smaller peaks are left out.", used - PROCESSES)
                         : memory_copy("");
        char *note = memory_format("The peak of each by itself: they are not at the same moment. "
                                   "The option --process takes the number.%s",
                                   more);
        document_note(table, note);
        free(note);
        free(more);
    }
    free(ranks);
}

struct thread_rank {
    uint32_t index;
    const struct profile_thread *sums;
};

static int by_allocations(const void *left, const void *right)
{
    const struct thread_rank *a = left, *b = right;

    if (a->sums->allocations != b->sums->allocations)
        return a->sums->allocations < b->sums->allocations ? 1 : -1;
    return (a->index > b->index) - (a->index < b->index);
}

static void add_thread_row(json_t *table, const struct profile *profile,
                           const struct thread_rank *rank)
{
    const struct trace_thread *thread = trace_thread(profile->reader, rank->index);
    const struct trace_process *process = trace_process(profile->reader, thread->process);
    json_t *cells = json_array();

    json_append(cells, json_from_text(*thread->name ? thread->name : "(no name)"));
    append_id(cells, thread->tid);
    append_id(cells, process->pid);
    json_append(cells, json_integer((json_int_t)rank->sums->allocations));
    json_append(cells, json_integer((json_int_t)rank->sums->bytes));
    json_append(cells, json_integer((json_int_t)rank->sums->frees));
    json_append(cells, json_integer((json_int_t)rank->sums->foreign_frees));
    document_row(table, cells);
}

static void add_threads(json_t *document, const struct profile *profile)
{
    uint32_t count = trace_threads(profile->reader), used = 0;
    struct thread_rank *ranks = memory_take(count, sizeof *ranks);

    for (uint32_t i = 0; i < count; i++)
        if (profile->threads[i].allocations || profile->threads[i].frees)
            ranks[used++] = (struct thread_rank){i, &profile->threads[i]};
    qsort(ranks, used, sizeof *ranks, by_allocations);
    json_t *table = document_table(document, "Threads");
    document_column(table, "thread", "", NULL);
    document_column(table, "tid", "", NULL);
    document_column(table, "pid", "", NULL);
    document_column(table, "allocations", "count", NULL);
    document_column(table, "bytes", "bytes", NULL);
    document_column(table, "frees", "count", NULL);
    document_column(table, "foreign frees", "count", NULL);
    for (uint32_t i = 0; i < used && i < THREADS; i++)
        add_thread_row(table, profile, &ranks[i]);
    char *more = used > THREADS ? memory_format(" %u threads with fewer allocations are left out.",
                                                used - THREADS)
                                : memory_copy("");
    char *note = memory_format("Foreign frees: of blocks that another thread allocated.%s", more);
    document_note(table, note);
    free(note);
    free(more);
    free(ranks);
}

/*
 * --- stacks for programs ------------------------------------------------------------------------
 */

static json_t *stack_json(const struct profile *profile, struct symbols *symbols, uint32_t node)
{
    json_t *object = sums_json(&profile->stacks[node]), *calls = json_array();
    unsigned count = 0;

    for (uint32_t at = node; at && count < STACK_CALLS;
         at = trace_node(profile->reader, at).parent) {
        const struct symbol *symbol = symbols_of(symbols, at);
        for (size_t i = 0; i < symbol->count && count < STACK_CALLS; i++, count++) {
            json_t *call = json_object();
            json_put(call, "function", json_from_text(symbol->calls[i].function));
            json_put(call, "file", json_from_text(symbol->calls[i].file));
            json_put(call, "line", json_integer(symbol->calls[i].line));
            json_put(call, "module", json_from_text(symbol->module));
            json_append(calls, call);
        }
    }
    json_put(object, "calls", calls);
    return object;
}

struct stack_rank {
    uint64_t value;
    uint32_t node;
};

static int by_value(const void *left, const void *right)
{
    const struct stack_rank *a = left, *b = right;

    if (a->value != b->value)
        return a->value < b->value ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

/* The first of each order; no stack twice. */
static void put_stacks(json_t *document, const struct profile *profile, struct symbols *symbols)
{
    uint32_t count = trace_nodes(profile->reader);
    struct stack_rank *ranks = memory_take(count, sizeof *ranks);
    bool *put = memory_take(count, sizeof *put);
    json_t *array = json_array();

    for (enum site_order order = 0; order < SITE_ORDERS; order++) {
        uint32_t used = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t value = sums_value(&profile->stacks[i], order);
            if (value)
                ranks[used++] = (struct stack_rank){value, i};
        }
        qsort(ranks, used, sizeof *ranks, by_value);
        for (uint32_t i = 0; i < used && i < STACKS; i++) {
            if (!put[ranks[i].node])
                json_append(array, stack_json(profile, symbols, ranks[i].node));
            put[ranks[i].node] = true;
        }
    }
    json_put(document, "stacks", array);
    free(put);
    free(ranks);
}

json_t *profile_document(const struct profile *profile, struct symbols *symbols,
                         char *const *command)
{
    const struct trace_info *info = trace_info(profile->reader);
    char *title = part_title(profile);
    json_t *document = document_new("cairn.profile", VERSION, title, command);
    struct sites sites;

    free(title);
    json_put(document, "recorded", json_from_text(info->command));
    json_put(document, "began", json_integer((json_int_t)info->began));
    json_put(document, "file", json_from_text(profile->path));
    json_put(document, "process",
             profile->one_process ? json_integer(profile->process) : json_null());
    put_summary(document, profile);
    if (profile->damage) {
        char *text = memory_format("The recording was not read to its end: %s. The figures are "
                                   "those of what comes before.",
                                   profile->damage);
        document_text(document, "Incomplete", text);
        free(text);
    }
    add_figures(document, profile);
    json_t *series = part_live_series(document);
    part_live_lines(series, profile, "");
    part_rate_line(part_rate_series(document), profile, "allocations");
    add_flame(document, profile, symbols);
    sites_find(&sites, profile, symbols, true);
    for (enum site_order order = 0; order < SITE_ORDERS; order++)
        add_sites(document, &sites, order);
    sites_fini(&sites);
    part_histogram(document, profile, PART_SIZES, "Sizes");
    part_histogram(document, profile, PART_LIFETIMES, "Lifetimes");
    part_heap_map(document, profile);
    add_processes(document, profile);
    add_threads(document, profile);
    put_stacks(document, profile, symbols);
    return document;
}
