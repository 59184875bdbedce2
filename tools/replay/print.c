/* SPDX-License-Identifier: MIT */
/* A replay as people read it: see replay.h. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own_memory.h"
#include "replay/replay.h"
#include "table.h"
#include "text.h"

enum { COLUMNS = 8, WIDEST = 100 };

static void line(FILE *to, bool color, enum table_style style, char *text)
{
    table_styled(to, color, style, text);
    fputc('\n', to);
    free(text);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static char *count_of(uint64_t count, const char *noun)
{
    char out[TEXT_SHORT];

    return memory_format("%s %s%s", text_count(out, (double)count), noun, plural(count));
}

/*
 * --- the head -----------------------------------------------------------------------------------
 */

static void print_head(const struct replay_contest *contest, FILE *to)
{
    const struct plan *plan = contest->plan;
    const struct plan_header *header = &plan->header;
    char *operations = count_of(header->operations, "operation");
    char *threads = count_of(plan->threads, "thread");
    char blocks[TEXT_SHORT], bytes[TEXT_SHORT], left[TEXT_SHORT], left_bytes[TEXT_SHORT];

    fprintf(to, "%s", contest->trace);
    fprintf(to, ", process %" PRIu32, plan->process);
    if (plan->pid)
        fprintf(to, " (pid %d)", plan->pid);
    if (*plan->command)
        fprintf(to, ": %.*s%s", WIDEST, plan->command,
                strlen(plan->command) > WIDEST ? text_signs()->ellipsis : "");
    fprintf(to, "\n%s in %s; at most %s blocks, %s; at the end %s, %s\n", operations, threads,
            text_count(blocks, (double)header->most_blocks),
            text_bytes(bytes, (double)header->most_bytes),
            text_count(left, (double)header->blocks_at_end),
            text_bytes(left_bytes, (double)header->bytes_at_end));
    free(operations);
    free(threads);
    if (contest->options->time)
        fprintf(to, "%u round%s, each in an order of its own; ratios to the fastest\n",
                contest->rounds_done, plural(contest->rounds_done));
    fputc('\n', to);
}

/*
 * --- the table ----------------------------------------------------------------------------------
 */

static char *time_text(const struct interval *time)
{
    char median[TEXT_SHORT], half[TEXT_SHORT];

    text_seconds(median, time->median);
    if (time->count < 2)
        return memory_copy(median);
    return memory_format("%s %s %s", median, text_signs()->plus_minus,
                         text_seconds(half, (time->high - time->low) / 2));
}

static char *ratio_text(const struct interval *ratio, bool is_best)
{
    enum statistics_side side = statistics_side(ratio, 1);
    const char *mark = is_best ? "" : side == SIDE_NOISE ? "~" : side == SIDE_UNKNOWN ? "?" : "";

    return ratio->count ? memory_format("%s%.2f", mark, ratio->median) : memory_copy("-");
}

static char *number_text(double value, int decimals)
{
    return isfinite(value) ? memory_format("%.*f", decimals, value) : memory_copy("-");
}

static char *bytes_text(double value)
{
    char text[TEXT_SHORT];

    return memory_copy(isfinite(value) ? text_bytes(text, value) : "-");
}

static void add_head(struct table *table)
{
    static const char *const titles[COLUMNS] = {
        "allocator", "time", NULL, "ns/op", "peak RSS", "granted/asked", "RSS/asked", "RSS at end",
    };

    for (size_t i = 0; i < COLUMNS; i++)
        table_add(table, STYLE_HEAD, memory_copy(titles[i] ? titles[i] : text_signs()->times));
}

static void add_row(struct table *table, const struct replay_contest *contest,
                    const struct replay_entrant *entrant)
{
    bool is_best = contest->best < contest->count && entrant == &contest->entrants[contest->best];
    enum table_style style = is_best                                             ? STYLE_BEST
                             : statistics_side(&entrant->ratio, 1) == SIDE_NOISE ? STYLE_FAINT
                                                                                 : STYLE_PLAIN;

    table_add(table, entrant->is_cairn ? STYLE_HEAD : STYLE_PLAIN, memory_copy(entrant->name));
    if (!replay_took_part(entrant)) {
        table_add(table, STYLE_BAD, memory_copy(entrant->failure ? "failed" : "not run"));
        for (size_t i = 2; i < COLUMNS; i++)
            table_add(table, STYLE_PLAIN, memory_copy("-"));
        return;
    }
    table_add(table, STYLE_PLAIN,
              entrant->good ? time_text(&entrant->values[REPLAY_TIME]) : memory_copy("-"));
    table_add(table, style, ratio_text(&entrant->ratio, is_best));
    table_add(table, STYLE_PLAIN, number_text(replay_ns(contest, entrant), 1));
    table_add(table, STYLE_PLAIN, bytes_text(entrant->is_alone ? NAN : replay_peak(entrant)));
    table_add(table, STYLE_PLAIN, number_text(replay_granted_ratio(entrant), 3));
    table_add(table, STYLE_PLAIN, number_text(replay_rss_ratio(entrant), 3));
    table_add(table, STYLE_PLAIN, bytes_text(entrant->measured ? (double)entrant->rss_after : NAN));
}

/* The fastest first, or the smallest if there are no times; who has no figures comes last. */
static int by_merit(const void *a, const void *b)
{
    const struct replay_entrant *left = *(const struct replay_entrant *const *)a;
    const struct replay_entrant *right = *(const struct replay_entrant *const *)b;
    bool left_in = replay_took_part(left), right_in = replay_took_part(right);

    if (left->is_alone || right->is_alone)
        return left->is_alone - right->is_alone;
    if (left_in != right_in)
        return left_in ? -1 : 1;
    if (!left_in)
        return 0;
    double l = left->good ? left->values[REPLAY_TIME].median : replay_peak(left);
    double r = right->good ? right->values[REPLAY_TIME].median : replay_peak(right);
    return (l > r) - (l < r);
}

static void print_table(const struct replay_contest *contest, FILE *to, bool color)
{
    const struct replay_entrant **sorted = memory_take(contest->count, sizeof *sorted);
    struct table table;

    for (size_t i = 0; i < contest->count; i++)
        sorted[i] = &contest->entrants[i];
    qsort(sorted, contest->count, sizeof *sorted, by_merit);
    table_init(&table, COLUMNS, color);
    add_head(&table);
    for (size_t i = 0; i < contest->count; i++)
        add_row(&table, contest, sorted[i]);
    table_print(&table, to);
    table_fini(&table);
    free(sorted);
}

/*
 * --- what the figures do not tell ---------------------------------------------------------------
 */

static void print_legend(const struct replay_contest *contest, FILE *to, bool color)
{
    size_t count = contest->best < contest->count ? contest->entrants[contest->best].good : 0;
    double confidence;

    if (count < 2)
        return;
    statistics_rank(count, &confidence);
    line(to, color, STYLE_FAINT,
         memory_format("%s: %.*f %% confidence interval of the median; %s",
                       text_signs()->plus_minus, confidence < 0.95 ? 1 : 0,
                       confidence < 0.95 ? confidence * 100 : 95,
                       count < STATISTICS_FEWEST ? "?: too few rounds to tell from noise"
                                                 : "~: no difference outside noise"));
}

static void note_count(FILE *to, uint64_t count, const char *one, const char *many)
{
    char text[TEXT_SHORT];

    if (count > 0)
        fprintf(to, "%s %s\n", text_count(text, (double)count), count == 1 ? one : many);
}

static void print_left_out(const struct plan *plan, FILE *to)
{
    note_count(to, plan->unknown, "free of a block that the process was not seen to make: left out",
               "frees of blocks that the process was not seen to make: left out");
    note_count(to, plan->strange,
               "address was given out twice: the trace is not in order, or not whole",
               "addresses were given out twice: the trace is not in order, or not whole");
    note_count(to, plan->failed, "allocation that failed in the program: left out",
               "allocations that failed in the program: left out");
    note_count(to, plan->folded, "thread shares a thread of the replay with others",
               "threads share threads of the replay with others");
    if (plan->processes > 1)
        fprintf(to, "%" PRIu64 " other program%s in the trace (--process chooses)\n",
                plan->processes - 1, plural(plan->processes - 1));
}

static void print_notes(const struct replay_contest *contest, FILE *to, bool color)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        if (entrant->failure)
            line(to, color, STYLE_BAD, memory_format("%s: %s", entrant->name, entrant->failure));
        else if (entrant->why_not)
            line(to, color, STYLE_PLAIN,
                 memory_format("%s left out: it is %s", entrant->name, entrant->why_not));
    }
    print_left_out(contest->plan, to);
    if (contest->plan->damage)
        line(to, color, STYLE_BAD, memory_format("the trace is %s", contest->plan->damage));
    if (processors > 0 && contest->options->time && contest->load > 0.75 * (double)processors)
        fprintf(
            to,
            "the machine was busy before (load %.1f on %ld processors): times spread, ns/op less\n",
            contest->load, processors);
}

static void print_verdict(const struct replay_contest *contest, FILE *to)
{
    const struct replay_entrant *small = NULL;
    char bytes[TEXT_SHORT], seconds[TEXT_SHORT];

    for (size_t i = 0; i < contest->count; i++) {
        const struct replay_entrant *entrant = &contest->entrants[i];
        if (replay_took_part(entrant) && !entrant->is_alone &&
            (!small || replay_peak(entrant) < replay_peak(small)))
            small = entrant;
    }
    if (contest->best < contest->count) {
        const struct replay_entrant *best = &contest->entrants[contest->best];
        fprintf(to, "%s was fastest (%s)", best->name,
                text_seconds(seconds, best->values[REPLAY_TIME].median));
        fputs(small ? ", " : ".\n", to);
    }
    if (small)
        fprintf(to, "%s smallest (%s).\n", small->name, text_bytes(bytes, replay_peak(small)));
}

/* `cairn report` draws what --json says. */
static void print_next(const struct replay_contest *contest, FILE *to)
{
    const struct replay_options *options = contest->options;
    char *trace = text_quoted(contest->trace);

    if (options->output && options->format == REPLAY_JSON)
        fprintf(to, "next: cairn report %s\n", options->output);
    else if (strcmp(contest->trace, "-") != 0 && strncmp(contest->trace, "/dev/fd/", 8) != 0)
        fprintf(to, "next: cairn replay --json -o replay.json %s\n", trace);
    free(trace);
}

void replay_print(const struct replay_contest *contest, FILE *to, bool color)
{
    print_head(contest, to);
    print_table(contest, to, color);
    fputc('\n', to);
    print_legend(contest, to, color);
    print_notes(contest, to, color);
    print_verdict(contest, to);
    print_next(contest, to);
}
