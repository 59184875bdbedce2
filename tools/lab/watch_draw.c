/* SPDX-License-Identifier: MIT */
/*
 * The screen of the live heap map. From above: what is played on what, and where it stands; the last
 * call; the map, and the figures beside it; a line of time, whose height is the external
 * fragmentation (what fails, where that is not known); the legend; the keys.
 *
 * A cell of the map is a piece of the region. How dense it is drawn says how much of it is in use,
 * so that it can be read without colours; the last block is in reverse.
 */
#define _XOPEN_SOURCE_EXTENDED 1
#define _GNU_SOURCE
#include "lab/watch.h"

#include <curses.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

enum { PANEL = 25, LEAST_COLUMNS = 60, LEAST_LINES = 16, TOP = 3, BOTTOM = 4 };
enum { PAIR_USED = 1, PAIR_WASTE, PAIR_FREE, PAIR_OTHER, PAIR_TITLE };

static int attributes_of(const struct watch *watch, int pair)
{
    return watch->has_color ? COLOR_PAIR(pair) : 0;
}

void watch_draw_init(const struct watch *watch)
{
    if (!watch->has_color)
        return;
    start_color();
    use_default_colors();
    init_pair(PAIR_USED, COLOR_GREEN, -1);
    init_pair(PAIR_WASTE, COLOR_YELLOW, -1);
    init_pair(PAIR_FREE, COLOR_BLUE, -1);
    init_pair(PAIR_OTHER, COLOR_MAGENTA, -1);
    init_pair(PAIR_TITLE, COLOR_CYAN, -1);
}

/* Text that ends at the column `end`, and what is beyond it cut. */
static void put(int line, int column, int end, const char *text)
{
    if (column < end)
        mvaddnstr(line, column, text, end - column);
}

static void put_line(int line, int attributes, const char *left, const char *right)
{
    int width = (int)text_width(right);

    attron(attributes);
    put(line, 0, COLS - width - 1, left);
    put(line, COLS - width, COLS, right);
    attroff(attributes);
}

/* ---- the lines above ---- */

static char *call_text(const struct watch *watch)
{
    const struct player *player = &watch->player;
    size_t at = player->now.at;
    char size[TEXT_SHORT];

    if (at == 0)
        return memory_copy("nothing was called yet");
    const struct op *op = &player->ops->list[at - 1];
    const struct player_block *block = &player->blocks[op->block];
    text_bytes(size, (double)op->size);
    if (op->kind == OP_FREE)
        return memory_format("free block %u", op->block);
    const char *verb = op->kind == OP_ALLOC ? "alloc" : "resize";
    if (!block->ptr)
        return memory_format("%s block %u, %s: no memory", verb, op->block, size);
    if (!subject_has_region(player->subject))
        return memory_format("%s block %u, %s", verb, op->block, size);
    return memory_format("%s block %u, %s, at %td", verb, op->block, size,
                         block->ptr - player->subject->span.start);
}

static void draw_top(const struct watch *watch)
{
    char at[TEXT_SHORT], count[TEXT_SHORT];
    char *title = memory_format("cairn lab: %s on %s", watch->plan->pattern.name,
                                watch->subject.name);
    char *where = memory_format("call %s of %s", text_count(at, (double)watch->player.now.at),
                                text_count(count, (double)watch->plan->ops.count));
    char *call = call_text(watch);
    char *state = watch->plays ? memory_format("playing, %u a second", watch_speeds[watch->speed])
                               : memory_copy("paused");

    put_line(0, A_BOLD | attributes_of(watch, PAIR_TITLE), title, where);
    put_line(1, 0, watch->note ? watch->note : call, state);
    free(state);
    free(call);
    free(where);
    free(title);
}

/* ---- the map ---- */

/* Of what is in no block, and not free. */
static const char *other_sign(const struct watch *watch)
{
    if (!watch->overview.tells_free)
        return "-";
    return watch->is_unicode ? "×" : "x";
}

static const char *glyph_of(const struct watch *watch, const struct watch_cell *cell, int *pair)
{
    static const char *const unicode[] = {"░", "▒", "▓", "█"};
    static const char *const ascii[] = {":", "+", "*", "#"};
    uint64_t used = cell->bytes[MAP_USED], waste = cell->bytes[MAP_WASTE];
    uint64_t other = cell->bytes[MAP_OTHER], all = used + waste + other + cell->bytes[MAP_FREE];

    if (all == 0)
        return " ";
    if (used + waste == 0 && other * 2 > all) {
        *pair = PAIR_OTHER;
        return other_sign(watch);
    }
    if (used + waste == 0) {
        *pair = PAIR_FREE;
        return watch->is_unicode ? "·" : ".";
    }
    *pair = waste > used ? PAIR_WASTE : PAIR_USED;
    uint64_t share = (used + waste) * 4 / all;
    return (watch->is_unicode ? unicode : ascii)[share < 4 ? share : 3];
}

static void draw_map(const struct watch *watch, int lines, int columns)
{
    size_t count = (size_t)lines * (size_t)columns;
    struct watch_cell *cells = memory_take(count, sizeof *cells);
    size_t at = watch->player.now.at;
    uint32_t last = at ? watch->plan->ops.list[at - 1].block : UINT32_MAX;

    watch_cells(cells, count, &watch->map, last);
    for (size_t i = 0; i < count; i++) {
        int pair = PAIR_OTHER;
        const char *glyph = glyph_of(watch, &cells[i], &pair);
        int attributes = attributes_of(watch, pair) | (cells[i].is_last ? A_REVERSE : 0);
        attron(attributes);
        mvaddstr(TOP + (int)(i / (size_t)columns), (int)(i % (size_t)columns), glyph);
        attroff(attributes);
    }
    free(cells);
    if (watch->map.size == 0)
        put(TOP, 0, columns,
            "there is no picture: no block, or nobody knows between what they lie");
}

static void draw_metrics(const struct watch *watch, int lines)
{
    static const enum metric shown[] = {METRIC_EXTERNAL,  METRIC_INTERNAL,     METRIC_UTILISATION,
                                        METRIC_HOLES,     METRIC_LARGEST_FREE, METRIC_MEAN_FREE,
                                        METRIC_FREE,      METRIC_BLOCKS,       METRIC_MEAN_BLOCK,
                                        METRIC_REQUESTED, METRIC_HIGH_WATER,   METRIC_FAILURES};
    int column = COLS - PANEL + 2, line = TOP;

    for (size_t i = 0; i < sizeof shown / sizeof *shown && line < TOP + lines; i++, line++) {
        char *value = metrics_text(shown[i], watch->metrics.values[shown[i]]);
        put(line, column, COLS, metric_definitions[shown[i]].column);
        put(line, COLS - (int)text_width(value), COLS, value);
        free(value);
    }
    if (line >= TOP + lines || watch->plan->probe == 0)
        return;
    char probe[TEXT_SHORT];
    double got = watch->metrics.values[METRIC_PROBE];
    char *name = memory_format("large %s", text_bytes(probe, (double)watch->plan->probe));
    put(line, column, COLS, isfinite(got) ? name : "");
    put(line, COLS - 3, COLS, !isfinite(got) ? "" : got > 0 ? " ok" : " no");
    free(name);
}

/* ---- the lines below ---- */

/* The worst of the samples that fall into the column. */
static double share_at(const struct watch *watch, int column)
{
    const struct experiment *overview = &watch->overview;
    enum metric metric = watch_metric(watch);
    size_t columns = (size_t)COLS;
    size_t from = (size_t)column * overview->count / columns;
    size_t to = ((size_t)column + 1) * overview->count / columns;
    double most = overview->worst.values[metric], share = 0;

    for (size_t i = from; i < (to > from ? to : from + 1) && i < overview->count; i++) {
        double value = overview->samples[i].metrics.values[metric];
        if (isfinite(value) && isfinite(most) && most > 0 && value / most > share)
            share = value / most;
    }
    return share;
}

static void draw_time(const struct watch *watch, int line)
{
    static const char *const unicode[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
    size_t count = watch->plan->ops.count;
    int here = (int)(watch->player.now.at * (size_t)(COLS - 1) / (count ? count : 1));

    for (int column = 0; column < COLS; column++) {
        size_t level = (size_t)(share_at(watch, column) * 8 + 0.5);
        int attributes = attributes_of(watch, PAIR_TITLE) | (column == here ? A_REVERSE : 0);
        attron(attributes);
        mvaddstr(line, column, (watch->is_unicode ? unicode : ascii)[level < 9 ? level : 8]);
        attroff(attributes);
    }
}

static int put_sign(const struct watch *watch, int line, int column, int pair, const char *sign,
                    const char *text)
{
    attron(attributes_of(watch, pair));
    put(line, column, COLS, sign);
    attroff(attributes_of(watch, pair));
    column += (int)text_width(sign) + 1;
    put(line, column, COLS, text);
    return column + (int)text_width(text) + 2;
}

static void draw_legend(const struct watch *watch, int line, size_t cells)
{
    bool u = watch->is_unicode;
    char each[TEXT_SHORT];
    uint64_t bytes = cells ? (watch->map.size + cells - 1) / cells : 0;
    char *scale = memory_format("a cell: %s", text_bytes(each, (double)bytes));
    int column = 0;

    column = put_sign(watch, line, column, PAIR_USED, u ? "█▓▒░" : "#*+:", "used, a part of it");
    column = put_sign(watch, line, column, PAIR_WASTE, u ? "█" : "#", "lost inside");
    if (watch->overview.tells_free)
        column = put_sign(watch, line, column, PAIR_FREE, u ? "·" : ".", "free");
    column = put_sign(watch, line, column, PAIR_OTHER, other_sign(watch),
                      map_state_name(MAP_OTHER, watch->overview.tells_free));
    if (column + (int)text_width(scale) <= COLS)
        put(line, COLS - (int)text_width(scale), COLS, scale);
    free(scale);
}

static void draw_keys(const struct watch *watch, int line)
{
    const char *keys =
        "space play  left/right step  up/down 100  w worst  +/- speed  ? help  q quit";

    (void)watch;
    attron(A_DIM);
    put(line, 0, COLS, keys);
    attroff(A_DIM);
}

static void draw_help(void)
{
    static const char *const lines[] = {
        "space        play, and pause",
        "right n      the next call            left p       the one before",
        "down         100 calls on             up           100 calls back",
        "page down    a tenth of all on        page up      a tenth back",
        "home g       to the start             end G        to the end",
        "w            to the worst moment      f            to the first failed request",
        "+ -          faster, slower           tab a        the next allocator",
        "? h          this page                q            the end",
        "",
        "Each cell is a piece of the region, by address. The reversed cells hold the",
        "block of the last call. The line below is time: the higher, the more external",
        "fragmentation; where that is not known, failed requests.",
    };

    for (int i = 0; i < (int)(sizeof lines / sizeof *lines) && TOP + i < LINES - 1; i++)
        put(TOP + i, 1, COLS, lines[i]);
}

void watch_draw(const struct watch *watch)
{
    erase();
    if (COLS < LEAST_COLUMNS || LINES < LEAST_LINES) {
        put(0, 0, COLS, "This terminal is too small:");
        put(1, 0, COLS, "60 columns and 16 lines are needed. q quits.");
        refresh();
        return;
    }
    int lines = LINES - TOP - BOTTOM, columns = COLS - PANEL;
    draw_top(watch);
    if (watch->shows_help) {
        draw_help();
    } else {
        draw_map(watch, lines, columns);
        draw_metrics(watch, lines);
    }
    draw_time(watch, LINES - 3);
    draw_legend(watch, LINES - 2, (size_t)lines * (size_t)columns);
    draw_keys(watch, LINES - 1);
    refresh();
}
