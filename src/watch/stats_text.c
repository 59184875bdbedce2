/* SPDX-License-Identifier: MIT */
/*
 * Statistics as text. The summary is a sum, after the form of tcmalloc's: each line adds to or takes
 * from the ones above, until it says what the system says. docs/stats.md explains each number.
 */
#include "watch/stats.h"

#include "core/heap.h"
#include "os/os.h"

/* ---- the summary ---- */

/* A name that others chose. */
static void put_printable(struct output *output, const char *before, const char *name, size_t size)
{
    cairn__output_put(output, before);
    for (size_t i = 0; i < size && name[i] != '\0'; i++) {
        char letter[2] = {name[i] >= ' ' && name[i] <= '~' ? name[i] : '?', '\0'};
        cairn__output_put(output, letter);
    }
}

static void put_header(struct output *output)
{
    char program[256];
    size_t length = cairn__os_program(program, sizeof program);
    cairn__output_put(output, "Cairn " CAIRN_VERSION_TEXT " in process ");
    cairn__output_uint(output, (uint64_t)cairn__os_process_id());
    put_printable(output, length > 0 ? ", " : "", program, length);
    cairn__output_put(output, "\n");
}

static void put_line(struct output *output, const char *sign, size_t bytes, const char *what)
{
    cairn__output_put(output, sign);
    cairn__output_column(output, 15, bytes);
    cairn__output_put(output, " B");
    cairn__output_size(output, 11, bytes);
    cairn__output_put(output, "  ");
    cairn__output_put(output, what);
    cairn__output_put(output, "\n");
}

static void put_sum(struct output *output, const struct snapshot *snapshot)
{
    const struct cairn__figures *figures = &snapshot->figures;
    put_line(output, "  +", figures->live, "blocks in use");
    put_line(output, "  +", figures->returned, "freed blocks, in pages");
    put_line(output, "  +", figures->unused, "never handed out, in pages");
    put_line(output, "  +", figures->kept, "free and kept for reuse");
    put_line(output, "  +", snapshot->metadata, "metadata");
    if (snapshot->resident == 0) {
        put_line(output, "  =", snapshot->held, "held; how much of it is in memory is not known");
        return;
    }
    put_line(output, "  -", snapshot->absent, "of these never touched, or swapped out");
    put_line(output, "  =", snapshot->resident_own, "Cairn's part");
    put_line(output, "  +", snapshot->resident_other,
             "not Cairn's: program, libraries, stacks, other mappings");
    put_line(output, "  =", snapshot->resident, "in memory (RSS)");
}

static void put_facts(struct output *output, const struct snapshot *snapshot)
{
    const struct cairn__figures *figures = &snapshot->figures;
    cairn__output_put(output, "Peak ");
    cairn__output_size(output, 0, figures->peak_committed);
    cairn__output_put(output, "; fragmentation inside blocks about ");
    cairn__output_share(output, figures->live - figures->asked, figures->live);
    cairn__output_put(output, ", outside ");
    size_t freed = figures->returned + figures->kept;
    cairn__output_share(output, freed, freed + figures->live);
    cairn__output_put(output, "; heaps ");
    cairn__output_uint(output, figures->heaps);
    cairn__output_put(output, ", pages ");
    cairn__output_uint(output, figures->pages);
    cairn__output_put(output, "; frees of foreign pointers ");
    cairn__output_uint(output, snapshot->foreign_frees);
    cairn__output_put(output, ".\n");
    const struct heap_counts *counts = &figures->counts;
    cairn__output_put(output, "Blocks handed out ");
    cairn__output_uint(output, counts->handed + counts->large);
    cairn__output_put(output, "; from a thread's cache ");
    cairn__output_share(output, counts->handed - size_min(counts->trips, counts->handed),
                        counts->handed);
    cairn__output_put(output, ", of large ones ");
    cairn__output_share(output, counts->recent, counts->large);
    cairn__output_put(output, ".\n");
}

/* What the numbers mean, in a sentence. Nobody need act on a few MiB. */
static const char *verdict_of(const struct snapshot *snapshot)
{
    const struct cairn__figures *figures = &snapshot->figures;
    const size_t notable = 8 * MIB;
    if (snapshot->resident_other > size_max(snapshot->resident_own, notable))
        return "Most of the memory is not Cairn's: look elsewhere first.";
    if (figures->kept > size_max(figures->committed / 4, notable))
        return "Much is free and kept for reuse: CAIRN_DIRTY_MAX and CAIRN_PURGE_DELAY say how "
               "much "
               "and how long.";
    if (figures->returned > size_max(figures->live / 4, notable))
        return "Much is freed blocks among blocks in use: it serves new blocks of these sizes, but "
               "no others.";
    if (figures->live > figures->committed / 2)
        return "Most of it is blocks in use: if that keeps growing, the program keeps more.";
    return "Nothing stands out.";
}

/* ---- the tables ---- */

static void put_class(struct output *output, const struct class_figures *row, size_t size)
{
    cairn__output_column(output, 9, size);
    cairn__output_column(output, 9, row->pages);
    cairn__output_column(output, 12, row->live);
    cairn__output_size(output, 12, row->live * size);
    cairn__output_size(output, 12, row->asked);
    cairn__output_size(output, 12, row->returned * size);
    cairn__output_size(output, 12, row->bytes - (row->live + row->returned) * size);
    cairn__output_put(output, "\n");
}

static void put_big(struct output *output, const char *name, size_t count, size_t bytes)
{
    cairn__output_put(output, name);
    cairn__output_column(output, 9, count);
    cairn__output_column(output, 12, count);
    cairn__output_size(output, 12, bytes);
    cairn__output_put(output, "\n");
}

static void put_classes(struct output *output, const struct snapshot *snapshot)
{
    const struct cairn__figures *figures = &snapshot->figures;
    cairn__output_put(
        output,
        "\n    block    pages      blocks      in use   asked for       freed  never used\n");
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        if (snapshot->classes[class].pages > 0)
            put_class(output, &snapshot->classes[class], cairn__classes[class].size);
    if (figures->large_count > 0)
        put_big(output, "    large", figures->large_count, figures->large);
    if (figures->huge_count > 0)
        put_big(output, "     huge", figures->huge_count, figures->huge);
}

const char *cairn__stats_heap_state(const struct heap_figures *row)
{
    if (row->state == HEAP_SEPARATE)
        return "separate";
    if (row->state == HEAP_SHARED)
        return "shared";
    return row->state == HEAP_IDLE ? "idle" : "live";
}

static void put_heap_counts(struct output *output, const struct heap_counts *counts)
{
    cairn__output_column(output, 12, counts->handed + counts->large);
    cairn__output_put(output, "     ");
    cairn__output_share(output, counts->handed - size_min(counts->trips, counts->handed),
                        counts->handed);
}

/* The newest; programs may have thousands. */
enum { HEAPS_SHOWN = 32 };

static void put_heaps(struct output *output, const struct snapshot *snapshot)
{
    struct heap_figures rows[HEAPS_SHOWN];
    size_t count;
    cairn__figures_heaps(NULL, rows, HEAPS_SHOWN, &count);
    cairn__output_put(
        output,
        "\n     heap    state       pages        held      in use  handed out  from cache\n");
    for (size_t i = 0; i < count; i++) {
        cairn__output_column(output, 9, rows[i].heap->number);
        cairn__output_word(output, 9, cairn__stats_heap_state(&rows[i]));
        cairn__output_column(output, 12, rows[i].pages);
        cairn__output_size(output, 12, rows[i].bytes);
        cairn__output_size(output, 12, rows[i].live);
        put_heap_counts(output, &rows[i].counts);
        if (rows[i].name[0] != '\0')
            put_printable(output, "  ", rows[i].name, HEAP_NAME_SIZE);
        cairn__output_put(output, "\n");
    }
    if (snapshot->figures.heaps > count) {
        cairn__output_put(output, "and ");
        cairn__output_uint(output, snapshot->figures.heaps - count);
        cairn__output_put(output, " older heaps\n");
    }
    cairn__output_put(output, "Pages of no heap: ");
    cairn__output_uint(output, snapshot->figures.pages_cold);
    cairn__output_put(output, " cold, ");
    cairn__output_uint(output, snapshot->figures.pages_shelved);
    cairn__output_put(output, " in the depot, ");
    cairn__output_uint(output, snapshot->figures.pages_large);
    cairn__output_put(output, " large blocks.\n");
}

void cairn__stats_text(struct output *output, const struct snapshot *snapshot, bool tables)
{
    put_header(output);
    put_sum(output, snapshot);
    put_facts(output, snapshot);
    cairn__output_put(output, verdict_of(snapshot));
    cairn__output_put(output, "\n");
    if (tables) {
        put_classes(output, snapshot);
        put_heaps(output, snapshot);
    }
}
