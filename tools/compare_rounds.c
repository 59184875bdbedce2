/* SPDX-License-Identifier: MIT */
/*
 * The rounds of a comparison: see compare.h. Standard output is read and digested in every run rather
 * than sent to /dev/null, because programs notice that: grep stops at its first match, tar does not
 * read what it archives.
 */
/*
 * The rounds of a comparison: see compare.h. The order of a round is a Fisher-Yates shuffle driven
 * by splitmix64 (Steele, Lea, Flood 2014), so a seed gives the same orders everywhere. Standard
 * output is read and digested in every run rather than sent to /dev/null, because programs notice
 * that: grep stops at its first match, tar does not read what it archives.
 */
#define _GNU_SOURCE
#include "compare.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "listen.h"
#include "message.h"
#include "own_memory.h"
#include "outcome.h"
#include "proof.h"
#include "random.h"
#include "text.h"

static const double quiet_seconds = 1;   /* before progress is shown */
static const double least_seconds = 0.1; /* between two lines of it */

/* A comparison on its way. */
struct course {
    struct comparison *comparison;
    struct spawner *spawner;
    struct input *input;
    unsigned round; /* warm-up rounds included */
    const struct entrant *running;
    size_t runs_done;
    double start, shown_at;
    bool shows_progress, progress_shown;
    int exit_code; /* why it could not go on */
};

/* "warm-up 1 of 1" or "round 2 of 5" */
static char *round_name(const struct course *course)
{
    const struct comparison *comparison = course->comparison;

    if (course->round < comparison->warm_ups)
        return memory_format("warm-up %u of %u", course->round + 1, comparison->warm_ups);
    return memory_format("round %u of %u", course->round - comparison->warm_ups + 1,
                         comparison->rounds);
}

static void show_progress(void *context)
{
    struct course *course = context;
    const struct comparison *comparison = course->comparison;
    double passed = spawn_clock() - course->start;
    size_t all = (comparison->warm_ups + comparison->rounds) * comparison->count;
    char left[TEXT_SHORT] = "";

    if (!course->shows_progress || passed < quiet_seconds ||
        passed - course->shown_at < least_seconds)
        return;
    course->shown_at = passed;
    if (course->runs_done >= comparison->count) /* a whole round is a fair sample */
        text_seconds(left, passed / (double)course->runs_done * (double)(all - course->runs_done));
    char *round = round_name(course);
    char *line = memory_format("\r\033[K%s%s: %s%s%s%s", comparison->label ? comparison->label : "",
                               round, course->running->allocator->name, *left ? ", about " : "",
                               left, *left ? " to go" : "");
    listen_show(STDERR_FILENO, line, strlen(line));
    free(line);
    free(round);
    course->progress_shown = true;
}

static void clear_progress(struct course *course)
{
    static const char clear[] = "\r\033[K";

    if (course->progress_shown)
        listen_show(STDERR_FILENO, clear, sizeof clear - 1);
    course->progress_shown = false;
}

static void keep_last_line(struct figures *figures, const struct listener *listener)
{
    char *line = listen_last_output(listener);

    snprintf(figures->said, sizeof figures->said, "%s", line ? line : "");
    free(line);
}

static void keep(const struct comparison *comparison, struct entrant *entrant,
                 struct figures *figures, const struct spawn_outcome *outcome,
                 const struct listener *listener)
{
    figures->done = true;
    figures->good = outcome->signal == 0 && (outcome->exit_code == 0 || comparison->ignore_exit);
    figures->wall = outcome->wall;
    figures->user = outcome->user;
    figures->system = outcome->system;
    figures->peak_rss = outcome->peak_rss;
    figures->minor_faults = outcome->minor_faults;
    figures->major_faults = outcome->major_faults;
    figures->exit_code = outcome->exit_code;
    figures->signal = outcome->signal;
    figures->instructions = outcome->instructions;
    figures->digest = digest_value(&listener->output);
    figures->output_size = listener->output.length;
    if (comparison->keep_output)
        keep_last_line(figures, listener);
    if (figures->good || entrant->failure_note)
        return;
    char *said = listen_last_line(listener);
    if (outcome->wanted_terminal)
        entrant->failure_note = memory_copy("it waited for the terminal");
    else if (outcome->timed_out)
        entrant->failure_note = memory_format("it was killed after %.0f seconds",
                                              comparison->run_seconds);
    else if (said)
        entrant->failure_note = memory_format("it said: %s", said);
    free(said);
}

/* Runs the program once. False if the comparison cannot go on, with exit_code after a message. */
static bool run_once(struct course *course, const struct entrant *entrant, char *const *environment,
                     struct spawn_outcome *outcome, struct listener *listener)
{
    const struct comparison *comparison = course->comparison;
    struct spawn_request request = {
        .path = comparison->program->path,
        .argv = comparison->argv,
        .environment = environment,
        .by_shell = comparison->program->by_shell,
        .own_group = true,
        .input = course->input->fd,
        .output = listen_output(listener),
        .errors = listen_errors(listener),
        .limit_seconds = comparison->run_seconds,
        .counts_instructions = true,
        .tick = show_progress,
        .tick_context = course,
    };

    course->running = entrant;
    course->exit_code = EXIT_OWN_ERROR;
    listen_init(listener, course->runs_done == 0 ? comparison->show_output : -1);
    show_progress(course);
    if (!input_rewind(course->input) || !spawn_run(course->spawner, &request, outcome))
        return false;
    if (outcome->exec_error == 0)
        return true;
    clear_progress(course);
    course->exit_code = outcome_not_started(comparison->argv[0], outcome->exec_error);
    return false;
}

/* The same for Cairn, the first time: with the proof that it is active in the program. */
static bool run_proved(struct course *course, struct entrant *entrant,
                       struct spawn_outcome *outcome, struct listener *listener)
{
    struct proof proof;

    course->exit_code = EXIT_OWN_ERROR;
    if (!proof_open(&proof))
        return false;
    char **environment = environment_with(entrant->environment,
                                          (const char *const[]){proof.setting, NULL});
    bool good = run_once(course, entrant, environment, outcome, listener);
    if (good && !course->spawner->interrupted) {
        proof_read(&proof);
        const char *objection = proof_objection(
            &proof, outcome->pid, course->comparison->program->brings_malloc, outcome->signal != 0);
        entrant->verified = !objection;
        if (objection) {
            clear_progress(course);
            message("Cairn is NOT active in %s: %s", course->comparison->argv[0], objection);
            course->exit_code = EXIT_OWN_ERROR;
            good = false;
        }
    }
    free(environment);
    proof_close(&proof);
    return good;
}

/* One entrant in this round. */
static bool take_turn(struct course *course, struct entrant *entrant, unsigned position)
{
    struct figures *figures = &entrant->runs[course->round];
    struct spawn_outcome outcome;
    struct listener listener;
    bool to_prove = entrant->allocator->is_cairn && !entrant->verified;

    bool good = to_prove ? run_proved(course, entrant, &outcome, &listener)
                         : run_once(course, entrant, entrant->environment, &outcome, &listener);
    if (!good || course->spawner->interrupted)
        return good;
    figures->position = position;
    keep(course->comparison, entrant, figures, &outcome, &listener);
    course->runs_done++;
    return true;
}

/* Whether another round would take longer than the comparison may. */
static bool is_late(const struct course *course)
{
    double passed = spawn_clock() - course->start;

    return course->comparison->seconds > 0 && course->round > course->comparison->warm_ups &&
           passed + passed / course->round > course->comparison->seconds;
}

static void tell_order(struct course *course, const size_t *order)
{
    char *round = round_name(course), *line = memory_format("%s:", round);

    for (size_t i = 0; i < course->comparison->count; i++) {
        const char *name = course->comparison->entrants[order[i]].allocator->name;
        char *longer = memory_format("%s %s", line, name);
        free(line);
        line = longer;
    }
    clear_progress(course);
    message("%s", line);
    free(line);
    free(round);
}

static bool has_failed(const struct course *course, const struct entrant *entrant)
{
    for (unsigned r = 0; r < course->round; r++)
        if (entrant->runs[r].done && !entrant->runs[r].good)
            return true;
    return false;
}

static bool all_failed(const struct course *course)
{
    for (size_t i = 0; i < course->comparison->count; i++)
        if (course->comparison->entrants[i].runs[course->round].good)
            return false;
    return true;
}

int compare_rounds(struct comparison *comparison, struct spawner *spawner, struct input *input,
                   int *exit_code)
{
    struct course course = {
        .comparison = comparison,
        .spawner = spawner,
        .input = input,
        .start = spawn_clock(),
        .shows_progress = isatty(STDERR_FILENO),
    };
    unsigned rounds = comparison->warm_ups + comparison->rounds;
    size_t *order = memory_take(comparison->count, sizeof *order);
    struct random random = {comparison->seed};
    int result = COMPARE_DONE;

    if (comparison->verbose)
        message("seed %llu", (unsigned long long)comparison->seed);
    for (; course.round < rounds && result == COMPARE_DONE && !spawner->interrupted &&
           !is_late(&course);
         course.round++) {
        random_order(&random, order, comparison->count);
        if (comparison->verbose)
            tell_order(&course, order);
        for (size_t i = 0; i < comparison->count && !spawn_interrupted(spawner); i++) {
            struct entrant *entrant = &comparison->entrants[order[i]];
            if (comparison->drop_failed && has_failed(&course, entrant))
                continue;
            if (!take_turn(&course, entrant, (unsigned)i)) {
                result = COMPARE_BROKEN;
                break;
            }
        }
        if (result == COMPARE_DONE && !spawner->interrupted) {
            comparison->rounds_done += course.round >= comparison->warm_ups;
            if (course.round == 0 && all_failed(&course))
                result = COMPARE_ALL_FAILED;
        }
    }
    clear_progress(&course);
    comparison->interrupted = spawner->interrupted;
    *exit_code = course.exit_code;
    free(order);
    return spawner->interrupted ? COMPARE_DONE : result;
}
