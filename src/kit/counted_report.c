/* SPDX-License-Identifier: MIT */
/* The report of cairn/counted.h, a line at a time. No memory is needed: sites are linked in order. */
#include "cairn/counted.h"

#include "base/print.h"
#include "kit/sites.h"
#include "os/os.h"
#include "os/stack.h"
#include "os/system.h"

enum { LINE_SIZE = 4096 };

struct report {
    void (*write)(void *context, const char *bytes, size_t count);
    void *context;
    size_t sites, blocks, bytes;
};

static void put_hex(struct text *line, uintptr_t value)
{
    cairn__text_pointer(line, (const void *)value);
}

/* A return address is that of the next instruction, which may be another line's or function's. */
static void put_frame(struct text *line, const void *return_address)
{
    const char *call = (const char *)return_address - 1;
    struct symbol symbol;
    if (!cairn__os_symbol(call, &symbol)) {
        cairn__text_pointer(line, call);
        return;
    }
    cairn__text_put(line, symbol.module);
    cairn__text_put(line, "+");
    put_hex(line, symbol.offset);
    if (symbol.name != NULL) {
        cairn__text_put(line, " (");
        cairn__text_put(line, symbol.name);
        cairn__text_put(line, "+");
        put_hex(line, symbol.name_offset);
        cairn__text_put(line, ")");
    }
}

static void put_amount(struct text *line, size_t blocks, size_t bytes)
{
    cairn__text_uint(line, blocks);
    cairn__text_put(line, " blocks, ");
    cairn__text_uint(line, bytes);
    cairn__text_put(line, " bytes");
}

static void write_line(struct report *report, struct text *line)
{
    cairn__text_end_line(line);
    report->write(report->context, line->data, line->length);
    line->length = 0;
}

static void write_site(struct report *report, struct text *line, const struct site *site)
{
    put_amount(line, site->blocks, site->bytes);
    cairn__text_put(line, ": ");
    if (site->count == 0)
        cairn__text_put(line, "no memory for the call stack");
    /* Calls within this library, where a stack of it is the program's malloc, say nothing. */
    unsigned first = 0;
    while (first + 1 < site->count && cairn__os_is_own_library(site->frames[first]))
        first++;
    for (unsigned i = first; i < site->count; i++) {
        cairn__text_put(line, i > first ? " < " : "");
        put_frame(line, site->frames[i]);
    }
    write_line(report, line);
}

static void write_sites(struct report *report, struct text *line, struct cairn__sites *sites)
{
    lock_acquire(&sites->reporting);
    const struct site *list = cairn__sites_list(sites);
    for (const struct site *site = list; site != NULL; site = site->listed) {
        report->sites++;
        report->blocks += site->blocks;
        report->bytes += site->bytes;
    }
    put_amount(line, report->blocks, report->bytes);
    cairn__text_put(line, " in ");
    cairn__text_uint(line, report->sites);
    cairn__text_put(line, " places");
    write_line(report, line);
    for (const struct site *site = list; site != NULL; site = site->listed)
        write_site(report, line, site);
    lock_release(&sites->reporting);
}

static void to_standard_error(void *context, const char *bytes, size_t count)
{
    (void)context;
    cairn__os_print_error(bytes, count);
}

static void to_file(void *context, const char *bytes, size_t count)
{
    cairn__system_write(*(const int *)context, bytes, count);
}

CAIRN_EXPORT size_t cairn_counted_report(const cairn_counted *counted,
                                         void (*write)(void *context, const char *bytes,
                                                       size_t count),
                                         void *context)
{
    char data[LINE_SIZE];
    struct text line = {data, sizeof data - 1, 0};
    struct report report = {write != NULL ? write : to_standard_error, context, 0, 0, 0};
    cairn_counted_stats stats;
    cairn_counted_stats_get(counted, &stats);
    if (counted->sites == NULL) {
        put_amount(&line, stats.live_blocks, stats.live_bytes);
        cairn__text_put(&line, ", without records");
        write_line(&report, &line);
        return stats.live_blocks;
    }
    write_sites(&report, &line, counted->sites);
    if (stats.unrecorded > 0) {
        cairn__text_uint(&line, stats.unrecorded);
        cairn__text_put(&line, " more blocks, for whose records there was no memory");
        write_line(&report, &line);
    }
    return report.blocks + stats.unrecorded;
}

CAIRN_EXPORT size_t cairn_counted_report_to(const cairn_counted *counted, int file)
{
    return cairn_counted_report(counted, to_file, &file);
}
