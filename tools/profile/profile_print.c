/* SPDX-License-Identifier: MIT */
/* A profile, and what changed between two, as text for a terminal: see profile_document.h. */
#include "profile/profile_document.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "profile/difference.h"
#include "profile/document_parts.h"
#include "profile/short_name.h"
#include "profile/sites.h"
#include "table.h"
#include "text.h"

enum { ROWS = 8, CALLS = 5, LABEL = 20, LEAST_NAME = 16, CELL = 11, COUNT_CELL = 12 };

/*
 * --- figures ------------------------------------------------------------------------------------
 */

static void print_line(FILE *to, size_t columns, const char *label, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void print_line(FILE *to, size_t columns, const char *label, const char *format, ...)
{
    char text[4 * TEXT_SHORT + 1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *line = fitted(text, columns > LABEL + 2 + LEAST_NAME ? columns - LABEL - 2 : LEAST_NAME);
    text_make_line(line);
    fprintf(to, "  %-*s%s\n", LABEL, label, line);
    free(line);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? 100 * (double)part / (double)whole : 0;
}

static void print_title(FILE *to, size_t columns, bool color, const char *text)
{
    char *line = fitted(text, columns);

    text_make_line(line);
    table_styled(to, color, STYLE_HEAD, line);
    fputc('\n', to);
    free(line);
}

static void print_blocks(FILE *to, size_t columns, const char *label, uint64_t bytes,
                         uint64_t blocks, const char *more)
{
    char size[TEXT_SHORT], count[TEXT_SHORT];

    print_line(to, columns, label, "%s in %s block%s%s", text_bytes(size, (double)bytes),
               text_count(count, (double)blocks), blocks == 1 ? "" : "s", more);
}

static void print_threads(const struct profile *profile, FILE *to, size_t columns)
{
    uint64_t frees = 0, foreign = 0;
    uint32_t used = 0;

    for (uint32_t i = 0; i < trace_threads(profile->reader); i++) {
        used += profile->threads[i].allocations || profile->threads[i].frees;
        frees += profile->threads[i].frees;
        foreign += profile->threads[i].foreign_frees;
    }
    if (used > 1)
        print_line(to, columns, "threads", "%u; %.1f %% of the frees were of another's blocks",
                   used, share(foreign, frees));
}

/* Whose figures these are, where that is a question. */
static void print_processes(const struct profile *profile, FILE *to, size_t columns)
{
    char count[TEXT_SHORT];
    uint32_t used = profile_processes(profile), greatest = 0;

    if (used < 2)
        return;
    for (uint32_t i = 0; i < trace_processes(profile->reader); i++)
        if (profile->processes[i].peak_bytes > profile->processes[greatest].peak_bytes)
            greatest = i;
    char size[TEXT_SHORT], *name = part_process(profile, greatest);
    print_line(to, columns, "processes", "%s; all figures are of all of them together",
               text_count(count, used));
    print_line(to, columns, "  greatest peak", "%s, %s",
               text_bytes(size, (double)profile->processes[greatest].peak_bytes), name);
    free(name);
}

static void print_figures(const struct profile *profile, FILE *to, size_t columns)
{
    const struct profile_sums *whole = &profile->whole;
    char a[TEXT_SHORT], b[TEXT_SHORT], more[3 * TEXT_SHORT];

    snprintf(more, sizeof more, ", after %s of %s", text_seconds(a, profile->peak_seconds),
             text_seconds(b, profile->seconds));
    print_blocks(to, columns, "peak", whole->peak_bytes, whole->peak_blocks, more);
    print_blocks(to, columns, "never freed", whole->live_bytes, whole->live_blocks, "");
    if (profile->suppressed_blocks)
        print_blocks(to, columns, "  and suppressed", profile->suppressed_bytes,
                     profile->suppressed_blocks, "");
    print_blocks(to, columns, "allocated in all", whole->bytes, whole->blocks, "");
    if (whole->blocks)
        print_line(to, columns, "sizes", "mean %s, largest %s",
                   text_bytes(a, (double)whole->bytes / (double)whole->blocks),
                   text_bytes(b, (double)whole->largest));
    print_line(to, columns, "temporary", "%.1f %% of the allocations",
               share(whole->temporary, whole->blocks));
    if (profile->seconds > 0)
        print_line(to, columns, "rate", "%s allocations per second",
                   text_count(a, (double)whole->blocks / profile->seconds));
    print_processes(profile, to, columns);
    print_threads(profile, to, columns);
    if (profile->failed)
        print_line(to, columns, "failed", "%s allocations", text_count(a, (double)profile->failed));
    if (profile->unknown_frees)
        print_line(to, columns, "unknown", "%s frees of blocks from before or from a parent",
                   text_count(a, (double)profile->unknown_frees));
    if (profile->damage)
        print_line(to, columns * 4, "incomplete", "%s", profile->damage);
}

/*
 * --- places -------------------------------------------------------------------------------------
 */

/* "parse (a.c:12)" */
static char *place_of(const struct symbol_call *call)
{
    char *name = short_name(call->function), *place = part_place(call->file, call->line, "");
    char *text = *place ? memory_format("%s (%s)", name, place) : memory_copy(name);

    free(name);
    free(place);
    return text;
}

/* Without a name but that of its file: it tells little as a caller. */
static bool is_bare(const struct symbol_call *call)
{
    return !call->file && strstr(call->function, "+0x");
}

/* "parse (a.c:12) < load < main": as many callers as there is room for. */
static char *chain(const struct profile *profile, struct symbols *symbols, uint32_t stack,
                   size_t columns)
{
    struct site_walk walk = site_walk(profile, symbols, stack);
    const struct symbol_call *call = site_walk_next(&walk);

    if (!call)
        return memory_copy("(unknown)");
    char *place = place_of(call), *text = fitted(place, columns);
    free(place);
    for (unsigned calls = 1; calls < CALLS && (call = site_walk_next(&walk));) {
        if (is_bare(call))
            continue;
        char *name = short_name(call->function);
        char *longer = memory_format("%s < %s", text, name);
        bool fits = text_width(longer) <= columns;
        free(name);
        free(fits ? text : longer);
        if (!fits)
            break;
        text = longer;
        calls++;
    }
    return text;
}

static void print_places(const struct profile *profile, struct symbols *symbols,
                         struct sites *sites, enum site_order order, const char *title, FILE *to,
                         size_t columns, bool color)
{
    uint64_t whole = sums_value(&profile->whole, order);
    size_t left = columns > 2 + CELL + COUNT_CELL + 8 + LEAST_NAME
                      ? columns - 2 - CELL - COUNT_CELL - 8
                      : LEAST_NAME;

    if (whole == 0)
        return;
    fputc('\n', to);
    print_title(to, columns, color, title);
    sites_sort(sites, order);
    for (size_t i = 0; i < sites->count && i < ROWS; i++) {
        const struct site *site = &sites->items[i];
        uint64_t value = sums_value(&site->sums, order);
        uint64_t blocks = order == SITE_PEAK   ? site->sums.peak_blocks
                          : order == SITE_LEFT ? site->sums.live_blocks
                                               : site->sums.blocks;
        char size[TEXT_SHORT], count[TEXT_SHORT];
        if (value == 0)
            break;
        if (order == SITE_TEMPORARY)
            text_count(size, (double)value);
        else
            text_bytes(size, (double)value);
        char *line = chain(profile, symbols, site->top[order], left);
        text_make_line(line);
        fprintf(to, "%*s%*s %4.0f %%  %s\n", CELL, size, COUNT_CELL,
                text_count(count, (double)blocks), share(value, whole), line);
        free(line);
    }
}

void profile_print(const struct profile *profile, struct symbols *symbols, FILE *to, size_t columns,
                   bool color)
{
    char *title = part_title(profile);
    struct sites sites;

    print_title(to, columns, color, *title ? title : text_basename(profile->path));
    free(title);
    print_figures(profile, to, columns);
    sites_find(&sites, profile, symbols, true);
    print_places(profile, symbols, &sites, SITE_PEAK,
                 "      bytes      blocks  most live at the peak", to, columns, color);
    print_places(profile, symbols, &sites, SITE_LEFT, "      bytes      blocks  never freed", to,
                 columns, color);
    print_places(profile, symbols, &sites, SITE_TEMPORARY,
                 "  temporary      of all  most temporary allocations", to, columns, color);
    sites_fini(&sites);
}

/*
 * --- differences --------------------------------------------------------------------------------
 */

typedef char *text_of(char out[TEXT_SHORT], double value);

/* "+1.2 MiB" */
static char *signed_text(char out[TEXT_SHORT], text_of *show, double value)
{
    char plain[TEXT_SHORT];

    show(plain, value < 0 ? -value : value);
    if (value == 0)
        snprintf(out, TEXT_SHORT, "%.*s", TEXT_SHORT - 2, plain);
    else
        snprintf(out, TEXT_SHORT, "%c%.*s", value < 0 ? '-' : '+', TEXT_SHORT - 2, plain);
    return out;
}

static void print_change(FILE *to, size_t columns, const char *label, text_of *show, double before,
                         double after)
{
    char change[TEXT_SHORT], from[TEXT_SHORT], until[TEXT_SHORT], percent[TEXT_SHORT] = "";

    if (before > 0 && before != after)
        snprintf(percent, sizeof percent, " (%+.1f %%)", 100 * (after - before) / before);
    print_line(to, columns, label, "%s, from %s to %s%s", signed_text(change, show, after - before),
               show(from, before), show(until, after), percent);
}

static void print_changes(const struct changes *changes, enum site_order order, double sign,
                          const char *title, FILE *to, size_t columns, bool color)
{
    text_of *show = order == SITE_PEAK || order == SITE_LEFT ? text_bytes : text_count;
    size_t left = columns > 2 + 2 * CELL + 2 + LEAST_NAME ? columns - 2 * CELL - 4 : LEAST_NAME;

    for (size_t i = 0; i < changes->count && i < ROWS; i++) {
        const struct change *change = &changes->items[sign > 0 ? i : changes->count - 1 - i];
        double value = change_value(change, order);
        char change_text[TEXT_SHORT], after[TEXT_SHORT];
        if (value * sign <= 0)
            break;
        if (i == 0) {
            fputc('\n', to);
            print_title(to, columns, color, title);
        }
        struct symbol_call call = {.function = change->function, .file = change->file};
        char *text = place_of(&call);
        char *line = fitted(text, left);
        text_make_line(line);
        fprintf(to, "%*s %*s  %s\n", CELL, signed_text(change_text, show, value), CELL,
                show(after, (double)sums_value(&change->after, order)), line);
        free(line);
        free(text);
    }
}

void profile_difference_print(struct profile_named before, struct profile_named after, FILE *to,
                              size_t columns, bool color)
{
    static const struct {
        enum site_order order;
        double sign;
        const char *title;
    } tables[] = {
        {SITE_PEAK, 1, "     change         now  more live at the peak"},
        {SITE_PEAK, -1, "     change         now  less live at the peak"},
        {SITE_LEFT, 1, "     change         now  more never freed"},
        {SITE_LEFT, -1, "     change         now  less never freed"},
        {SITE_BLOCKS, 1, "     change         now  more allocations"},
        {SITE_BLOCKS, -1, "     change         now  fewer allocations"},
    };
    const struct profile *a = before.profile, *b = after.profile;
    struct changes changes;
    char *title = part_difference_title(a, b);

    print_title(to, columns, color, title);
    free(title);
    print_change(to, columns, "peak", text_bytes, (double)a->whole.peak_bytes,
                 (double)b->whole.peak_bytes);
    print_change(to, columns, "never freed", text_bytes, (double)a->whole.live_bytes,
                 (double)b->whole.live_bytes);
    print_change(to, columns, "allocated in all", text_bytes, (double)a->whole.bytes,
                 (double)b->whole.bytes);
    print_change(to, columns, "allocations", text_count, (double)a->whole.blocks,
                 (double)b->whole.blocks);
    print_change(to, columns, "temporary", text_count, (double)a->whole.temporary,
                 (double)b->whole.temporary);
    print_change(to, columns, "length", text_seconds, a->seconds, b->seconds);
    if (a->damage)
        print_line(to, columns * 4, "before: incomplete", "%s", a->damage);
    if (b->damage)
        print_line(to, columns * 4, "after: incomplete", "%s", b->damage);
    changes_find(&changes, before, after);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        changes_sort(&changes, tables[i].order);
        print_changes(&changes, tables[i].order, tables[i].sign, tables[i].title, to, columns,
                      color);
    }
    changes_fini(&changes);
}
