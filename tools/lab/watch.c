/* SPDX-License-Identifier: MIT */
/*
 * `cairn lab run --watch`: the heap in the terminal, while a pattern plays. Forwards is a call at a
 * time; back is by states that the player keeps (player.h), so that the same step always shows the
 * same picture. The whole was played once before, for the line of time and the worst moment.
 */
#define _GNU_SOURCE
#include "lab/watch.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "message.h"
#include "output.h"
#include "spawn.h"

enum { OVERVIEW = 1000, FRAME = 40 /* milliseconds */, MUCH = 100, USUAL_SPEED = 3 };

const unsigned watch_speeds[WATCH_SPEEDS] = {1,   2,   5,    10,   20,    50,
                                             100, 250, 1000, 5000, 25000, 100000};

enum metric watch_metric(const struct watch *watch)
{
    bool is_known = isfinite(watch->overview.worst.values[METRIC_EXTERNAL]);
    return is_known ? METRIC_EXTERNAL : METRIC_FAILURES;
}

/* ---- what is shown ---- */

static bool look(struct watch *watch)
{
    map_take(&watch->map, &watch->player);
    metrics_take(&watch->metrics, &watch->player, watch->plan->probe);
    return true;
}

static bool begin(struct watch *watch)
{
    const struct subject_choice *choice = &watch->choices[watch->choice];
    struct experiment_plan plan = *watch->plan;
    cairn_layout largest = {plan.ops.largest, (size_t)1 << plan.ops.largest_align};

    plan.samples = OVERVIEW;
    plan.frames = 0;
    plan.probe = 0;
    if (!experiment_run(&watch->overview, &plan, choice) || watch->overview.is_empty ||
        !subject_open(&watch->subject, choice, plan.region, largest)) {
        experiment_fini(&watch->overview);
        return false;
    }
    player_init(&watch->player, &watch->subject, &watch->plan->ops, true);
    return look(watch);
}

static void end(struct watch *watch)
{
    player_fini(&watch->player);
    subject_close(&watch->subject);
    experiment_fini(&watch->overview);
}

static bool go(struct watch *watch, size_t at)
{
    size_t count = watch->plan->ops.count;

    return player_seek(&watch->player, at < count ? at : count) && look(watch);
}

static bool go_by(struct watch *watch, long calls)
{
    size_t at = watch->player.now.at, away = (size_t)labs(calls);

    if (calls < 0)
        return go(watch, away < at ? at - away : 0);
    return go(watch, at + away);
}

static bool go_to_worst(struct watch *watch)
{
    enum metric metric = watch_metric(watch);

    watch->note = metric == METRIC_EXTERNAL ? "here external fragmentation is worst"
                                            : "here most requests have failed";
    return go(watch, watch->overview.worst_at[metric]);
}

static bool go_to_failure(struct watch *watch)
{
    size_t at = watch->overview.first_failure;

    watch->note = at ? "the first request that fails" : "no request fails";
    return at == 0 || go(watch, at);
}

/* The same call, on the next allocator that can begin. */
static bool change(struct watch *watch)
{
    size_t at = watch->player.now.at, from = watch->choice;

    end(watch);
    do {
        watch->choice = (watch->choice + 1) % watch->choice_count;
        if (begin(watch))
            return go(watch, at);
        watch->note = "passed over: what cannot begin in this region, or has failed";
        clearok(curscr, TRUE); /* a message was written over the screen */
    } while (watch->choice != from);
    return false;
}

/* ---- keys ---- */

/* False: an allocator failed its contract, after a message. *quit: the end is wanted. */
static bool press(struct watch *watch, int key, bool *quit)
{
    long tenth = (long)(watch->plan->ops.count / 10) + 1;

    if (key == KEY_RESIZE) /* what is shown stays, and is drawn anew */
        return true;
    watch->note = NULL;
    if (watch->shows_help && key != 'q') {
        watch->shows_help = false;
        return true;
    }
    switch (key) {
    case 'q':
    case 27:
        *quit = true;
        return true;
    case ' ':
        watch->plays = !watch->plays && watch->player.now.at < watch->plan->ops.count;
        return true;
    case KEY_RIGHT:
    case 'n':
        return go_by(watch, 1);
    case KEY_LEFT:
    case 'p':
        return go_by(watch, -1);
    case KEY_DOWN:
        return go_by(watch, MUCH);
    case KEY_UP:
        return go_by(watch, -MUCH);
    case KEY_NPAGE:
        return go_by(watch, tenth);
    case KEY_PPAGE:
        return go_by(watch, -tenth);
    case KEY_HOME:
    case 'g':
        return go(watch, 0);
    case KEY_END:
    case 'G':
        return go(watch, watch->plan->ops.count);
    case 'w':
        return go_to_worst(watch);
    case 'f':
        return go_to_failure(watch);
    case '+':
    case '=':
        watch->speed += watch->speed + 1 < WATCH_SPEEDS;
        return true;
    case '-':
        watch->speed -= watch->speed > 0;
        return true;
    case '\t':
    case 'a':
        return change(watch);
    case '?':
    case 'h':
        watch->shows_help = true;
        return true;
    default:
        return true;
    }
}

/* What time has brought since `before`, at the speed that is set. */
static bool play(struct watch *watch, double *before)
{
    double now = spawn_clock();
    double calls = (now - *before) * watch_speeds[watch->speed];

    if (!watch->plays) {
        *before = now;
        return true;
    }
    if (calls < 1)
        return true;
    *before = now;
    if (watch->player.now.at + (size_t)calls >= watch->plan->ops.count)
        watch->plays = false;
    return go_by(watch, (long)calls);
}

static bool show(struct watch *watch)
{
    double before = spawn_clock();
    bool quit = false, good = true;

    while (good && !quit) {
        watch_draw(watch);
        timeout(watch->plays ? FRAME : -1);
        int key = getch();
        if (key != ERR)
            good = press(watch, key, &quit);
        good = good && play(watch, &before);
    }
    return good;
}

/* ---- the terminal ---- */

static SCREEN *open_terminal(struct watch *watch, enum color_when color)
{
    SCREEN *screen;

    setlocale(LC_CTYPE, "");
    watch->is_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        message("lab: --watch needs a terminal (--json and the tables do not)");
        return NULL;
    }
    screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        message("lab: --watch does not know this terminal (TERM=%s)",
                getenv("TERM") ? getenv("TERM") : "");
        return NULL;
    }
    watch->has_color = has_colors() && output_wants_color(color, STDOUT_FILENO);
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    watch_draw_init(watch);
    return screen;
}

int lab_watch(struct lab_options *options)
{
    struct watch watch = {.plan = &options->plan,
                          .choices = options->choices,
                          .choice_count = options->count,
                          .speed = USUAL_SPEED};

    if (!begin(&watch))
        return EXIT_OWN_ERROR;
    SCREEN *screen = open_terminal(&watch, options->color);
    bool good = screen != NULL;
    if (screen) {
        good = show(&watch);
        endwin();
        delscreen(screen);
    }
    map_fini(&watch.map);
    if (good)
        end(&watch);
    return good ? 0 : EXIT_OWN_ERROR;
}
