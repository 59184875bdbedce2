/* SPDX-License-Identifier: MIT */
/*
 * The runs of a replay: see replay.h. The replayer is handed the plan and a file for its result, and
 * started with an allocator; what it could not say itself is told from how it ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "listen.h"
#include "message.h"
#include "own_memory.h"
#include "random.h"
#include "replay/replay.h"
#include "text.h"

static const double quiet_seconds = 1;                             /* before progress is shown */
static const double least_limit = 60, limit_per_operation = 20e-6; /* seconds */

enum { ALONE = 3 }; /* instead of a touch: see replayer/replayer.h */

struct course {
    struct replay_contest *contest;
    struct spawner *spawner;
    struct result *result; /* mapped; both processes have it */
    int result_file;
    const char *what; /* for progress: "round 2 of 5" */
    const struct replay_entrant *running;
    double start;
    bool shows_progress, progress_shown;
};

/*
 * --- progress -----------------------------------------------------------------------------------
 */

static void show_progress(void *context)
{
    struct course *course = context;

    if (!course->shows_progress || spawn_clock() - course->start < quiet_seconds)
        return;
    char *line = memory_format("\r\033[K%s: %s", course->what, course->running->name);
    listen_show(STDERR_FILENO, line, strlen(line));
    free(line);
    course->progress_shown = true;
}

static void clear_progress(struct course *course)
{
    static const char clear[] = "\r\033[K";

    if (course->progress_shown)
        listen_show(STDERR_FILENO, clear, sizeof clear - 1);
    course->progress_shown = false;
}

/*
 * --- one run ------------------------------------------------------------------------------------
 */

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;

    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

/* Allocators that wait for ever shall not keep us. */
static double limit_of(const struct course *course)
{
    const struct replay_contest *contest = course->contest;

    if (contest->options->limit)
        return (double)contest->options->limit;
    return least_limit + limit_per_operation * (double)contest->plan->header.operations;
}

/* Why the run is worth nothing; NULL if it is good. For free(). */
static char *judge(const struct course *course, const struct replay_entrant *entrant,
                   const struct spawn_outcome *outcome, const struct listener *listener)
{
    const struct result *result = course->result;
    char signal[TEXT_SHORT], *said = listen_last_line(listener), *why;

    if (outcome->exec_error)
        why = memory_format("the replayer cannot be started: %s", strerror(outcome->exec_error));
    else if (result->state == RESULT_DONE && outcome->signal == 0 && outcome->exit_code == 0)
        why = entrant->library && !same_file(entrant->library, result->malloc_file)
                  ? memory_format("not in use: malloc came from %s", result->malloc_file)
                  : NULL;
    else if (result->state >= RESULT_FAULT)
        why = memory_copy(result->text);
    else if (outcome->timed_out)
        why = memory_format("it was not done within %.0f s", limit_of(course));
    else if (outcome->signal)
        why = memory_format("it crashed (%s)%s%s", text_signal(signal, outcome->signal),
                            said ? ": " : "", said ? said : "");
    else
        why = memory_format("it ended with exit code %d%s%s", outcome->exit_code, said ? ": " : "",
                            said ? said : "");
    free(said);
    return why;
}

/* False if the tool failed. */
static bool run_once(struct course *course, struct replay_entrant *entrant, const struct plan *plan,
                     unsigned long checkpoints, char **failure)
{
    const struct replay_options *options = course->contest->options;
    char plan_file[16], result_file[16], touch[16], count[24];
    char *argv[] = {course->contest->replayer,
                    plan_file,
                    result_file,
                    touch,
                    (char *)(options->check ? "1" : "0"),
                    count,
                    NULL};
    struct listener listener;
    struct spawn_outcome outcome;
    struct spawn_request request = {
        .path = course->contest->replayer,
        .argv = argv,
        .environment = entrant->environment,
        .own_group = true,
        .input = -1,
        .errors = listen_errors(&listener),
        .limit_seconds = limit_of(course),
        .tick = show_progress,
        .tick_context = course,
    };

    snprintf(plan_file, sizeof plan_file, "%d", plan->file);
    snprintf(result_file, sizeof result_file, "%d", course->result_file);
    snprintf(touch, sizeof touch, "%d", entrant->is_alone ? ALONE : (int)options->touch);
    snprintf(count, sizeof count, "%lu", checkpoints);
    memset(course->result, 0, sizeof *course->result);
    listen_init(&listener, -1);
    course->running = entrant;
    show_progress(course);
    if (!spawn_run(course->spawner, &request, &outcome))
        return false;
    *failure = NULL;
    if (course->result->state == RESULT_MISCOUNTED) {
        clear_progress(course);
        message("replay: under %s, %s", entrant->name, course->result->text);
        return false;
    }
    if (!spawn_interrupted(course->spawner))
        *failure = judge(course, entrant, &outcome, &listener);
    return true;
}

static uint64_t above_base(const struct course *course, uint64_t rss)
{
    return rss > course->contest->base ? rss - course->contest->base : 0;
}

/* What the replayer takes for itself. */
static bool measure_base(struct course *course)
{
    struct replay_entrant bare = {.name = (char *)"nothing", .is_system = true};
    struct plan plan;
    char *failure = NULL;

    if (!plan_make_empty(&plan))
        return false;
    bare.environment = environment_with(environ, (const char *const[]){"LD_PRELOAD", NULL});
    course->what = "preparing";
    bool good = run_once(course, &bare, &plan, 0, &failure);
    if (failure) {
        message("replay: %s does not work: %s", course->contest->replayer, failure);
        good = false;
    }
    course->contest->base = course->result->peak_rss;
    free(failure);
    free(bare.environment);
    plan_fini(&plan);
    return good;
}

/*
 * --- all of them --------------------------------------------------------------------------------
 */

static bool run_for_time(struct course *course, struct replay_entrant *entrant, unsigned round)
{
    const struct result *result = course->result;

    if (!run_once(course, entrant, course->contest->plan, 0, &entrant->failure))
        return false;
    if (entrant->failure || course->spawner->interrupted)
        return true;
    entrant->runs[round] = (struct replay_run){
        .good = true,
        .wall = result->wall,
        .cpu = result->cpu,
        .peak_rss = above_base(course, result->peak_rss),
        .minor_faults = result->minor_faults,
        .major_faults = result->major_faults,
    };
    return true;
}

static bool run_for_memory(struct course *course, struct replay_entrant *entrant)
{
    const struct result *result = course->result;

    if (!run_once(course, entrant, course->contest->plan, course->contest->options->checkpoints,
                  &entrant->failure))
        return false;
    if (entrant->failure || course->spawner->interrupted)
        return true;
    entrant->measured = true;
    entrant->knows_granted = result->checks_granted;
    entrant->sample_count = result->samples;
    entrant->samples = memory_take(result->samples, sizeof *entrant->samples);
    for (size_t i = 0; i < result->samples; i++) {
        entrant->samples[i] = result->sample[i];
        entrant->samples[i].rss = above_base(course, result->sample[i].rss);
        if (entrant->samples[i].requested > entrant->samples[entrant->peak].requested)
            entrant->peak = i;
    }
    entrant->rss_before = above_base(course, result->rss_before);
    entrant->rss_after = above_base(course, result->rss_after);
    return true;
}

static bool run_round(struct course *course, const size_t *order, unsigned round, bool memory)
{
    struct replay_contest *contest = course->contest;
    char *what = memory ? memory_copy("memory")
                        : memory_format("round %u of %lu", round + 1, contest->options->rounds);
    bool good = true;

    course->what = what;
    for (size_t i = 0; good && i < contest->count && !spawn_interrupted(course->spawner); i++) {
        struct replay_entrant *entrant = &contest->entrants[order[i]];
        if (entrant->failure || entrant->why_not || (memory && entrant->is_alone))
            continue;
        good = memory ? run_for_memory(course, entrant) : run_for_time(course, entrant, round);
    }
    free(what);
    return good;
}

static bool open_result(struct course *course)
{
    course->result_file = memfd_create("cairn-replay-result", 0); /* programs shall have it */
    if (course->result_file >= 0 && ftruncate(course->result_file, sizeof *course->result) == 0) {
        course->result = mmap(NULL, sizeof *course->result, PROT_READ | PROT_WRITE, MAP_SHARED,
                              course->result_file, 0);
        if (course->result != MAP_FAILED)
            return true;
    }
    message("replay: cannot make a file for the result: %s", strerror(errno));
    if (course->result_file >= 0)
        close(course->result_file);
    return false;
}

bool replay_rounds(struct replay_contest *contest, struct spawner *spawner)
{
    const struct replay_options *options = contest->options;
    struct course course = {
        .contest = contest,
        .spawner = spawner,
        .start = spawn_clock(),
        .shows_progress = isatty(STDERR_FILENO),
    };
    struct random random = {options->seed};

    if (!open_result(&course))
        return false;
    size_t *order = memory_take(contest->count, sizeof *order);
    bool good = measure_base(&course);
    for (unsigned round = 0; good && options->time && round < options->rounds; round++) {
        random_order(&random, order, contest->count);
        good = run_round(&course, order, round, false);
        if (!spawner->interrupted)
            contest->rounds_done++;
    }
    random_order(&random, order, contest->count);
    if (good && options->memory && !spawner->interrupted)
        good = run_round(&course, order, 0, true);
    clear_progress(&course);
    contest->interrupted = spawner->interrupted;
    free(order);
    munmap(course.result, sizeof *course.result);
    close(course.result_file);
    return good;
}
