/* SPDX-License-Identifier: MIT */
/*
 * `cairn replay`: a recorded program's allocations, done again under every allocator on this
 * machine. This file finds out who takes part and puts the parts in order: plan_make.c makes a plan
 * of the trace, rounds.c has cairn-replayer execute it, print.c and record.c tell.
 */
#define _GNU_SOURCE
#include "replay/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn/stack.h"
#include "environment.h"
#include "library.h"
#include "message.h"
#include "own_memory.h"
#include "text.h"
#include "verbs.h"

/*
 * --- files of ours ------------------------------------------------------------------------------
 */

/* cairn-replayer: beside the command where it was built, else where it was installed. */
static char *find_replayer(void)
{
    static const char *const places[] = {"%s/cairn-replayer", "%s/../libexec/cairn/cairn-replayer"};
    const char *wanted = getenv("CAIRN_REPLAYER");
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (wanted && *wanted)
        return memory_copy(wanted);
    self[length > 0 ? length : 0] = '\0';
    if (strrchr(self, '/'))
        *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = memory_format(places[i], self);
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    message("replay: cairn-replayer is neither in %s nor in %s/../libexec/cairn (name it with "
            "CAIRN_REPLAYER)",
            self, self);
    return NULL;
}

/* libcairn-stack.so, beside libcairn-malloc.so. NULL after a message. */
static char *find_stack_library(const char *library)
{
    char *beside = library_find(library), *path = NULL;

    if (beside) {
        char *name = strstr(text_basename(beside), "-malloc");
        path = memory_format("%.*s/libcairn-stack%s", (int)(text_basename(beside) - beside - 1),
                             beside, name ? name + sizeof "-malloc" - 1 : ".so");
        if (access(path, R_OK) < 0) {
            message("replay: stacks need %s, which is not there", path);
            free(path);
            path = NULL;
        }
    }
    free(beside);
    return path;
}

/*
 * --- who takes part -----------------------------------------------------------------------------
 */

/* In a process of its own, so that nothing of the stack stays here, and no part reports at its end. */
static _Noreturn void try_stack(const char *text, int report)
{
    cairn_stack_error error = {0};
    cairn_stack *stack = cairn_stack_create(text, (cairn_allocator){NULL, NULL}, &error);
    char *what = NULL;

    if (!stack)
        what = memory_format("%s (at character %zu)", error.text, error.at + 1);
    else if (!cairn_stack_is_general(stack))
        what = memory_copy("it does not serve all sizes: put it under segregated or fallback");
    if (what && write(report, what, strlen(what)) < 0)
        _exit(EXIT_OWN_ERROR);
    _exit(what ? EXIT_OWN_ERROR : 0);
}

/* Whether a text is a stack that can be a program's malloc. False after a message. */
static bool check_stack(const char *text)
{
    char what[512] = "";
    int ends[2], status = 0;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        message("replay: cannot try the stack: %s", strerror(errno));
        return false;
    }
    pid_t child = fork();
    if (child == 0)
        try_stack(text, ends[1]);
    close(ends[1]);
    ssize_t got = child < 0 ? 0 : read(ends[0], what, sizeof what - 1);
    what[got > 0 ? got : 0] = '\0';
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        message("replay: --stack '%s': %s", text, *what ? what : "it cannot be built");
        return false;
    }
    return true;
}

/* The stacks asked for, and the library that they need. False after a message. */
static bool check_stacks(const struct replay_options *options, char **library)
{
    *library = NULL;
    for (size_t i = 0; i < options->stack_count; i++)
        if (!check_stack(options->stacks[i]))
            return false;
    if (options->stack_count > 0)
        *library = find_stack_library(options->library);
    return options->stack_count == 0 || *library;
}

static struct replay_entrant *enter(struct replay_contest *contest, const char *name,
                                    const char *library)
{
    struct replay_entrant *entrant = &contest->entrants[contest->count++];

    *entrant = (struct replay_entrant){.name = memory_copy(name)};
    entrant->library = library ? memory_copy(library) : NULL;
    entrant->runs = memory_take(contest->options->rounds, sizeof *entrant->runs);
    return entrant;
}

static void prepare(struct replay_entrant *entrant)
{
    extern char **environ;

    entrant->preload = entrant->library ? memory_format("LD_PRELOAD=%s", entrant->library)
                                        : memory_copy("LD_PRELOAD");
    entrant->setting = entrant->stack ? memory_format("CAIRN_STACK=%s", entrant->stack)
                                      : memory_copy("CAIRN_STACK");
    entrant->environment = environment_with(
        environ, (const char *const[]){entrant->preload, entrant->setting, "CAIRN_RUN_FILE", NULL});
}

/* The allocators asked for. False after a message. */
static bool select_allocators(const struct replay_options *options, struct allocator_list *selected)
{
    struct allocator_list all;

    *selected = (struct allocator_list){0};
    if (options->allocators && strcmp(options->allocators, "none") == 0)
        return true;
    allocators_find(&all, NULL);
    bool good = allocators_select(&all, options->allocators, selected);
    allocators_free(&all);
    for (size_t i = 0; good && i < selected->count; i++) {
        if (!selected->items[i].is_cairn)
            continue;
        selected->items[i].path = library_find(options->library);
        good = selected->items[i].path != NULL;
    }
    return good;
}

/* Makes entrants. False after a message. */
static bool enter_all(struct replay_contest *contest, struct allocator_list *list,
                      const char *stack_library, struct spawner *spawner)
{
    const struct replay_options *options = contest->options;

    contest->entrants = memory_take(list->count + options->stack_count + 1,
                                    sizeof *contest->entrants);
    allocators_try(list, spawner);
    for (size_t i = 0; i < list->count; i++) {
        const struct allocator *allocator = &list->items[i];
        struct replay_entrant *entrant = enter(contest, allocator->name, allocator->path);
        entrant->is_cairn = allocator->is_cairn;
        entrant->is_system = allocator->is_system;
        entrant->why_not = allocator->why_not ? memory_copy(allocator->why_not) : NULL;
        prepare(entrant);
    }
    for (size_t i = 0; i < options->stack_count; i++) {
        struct replay_entrant *entrant = enter(contest, options->stacks[i], stack_library);
        entrant->stack = options->stacks[i];
        prepare(entrant);
    }
    if (options->time && contest->count > 0) {
        struct replay_entrant *alone = enter(contest, "(replayer alone)", NULL);
        alone->is_alone = true;
        prepare(alone);
    }
    if (contest->count == 0)
        message("replay: no allocator and no stack to replay with");
    return contest->count > 0;
}

static void leave(struct replay_contest *contest)
{
    for (size_t i = 0; i < contest->count; i++) {
        struct replay_entrant *entrant = &contest->entrants[i];
        free(entrant->name);
        free(entrant->library);
        free(entrant->why_not);
        free(entrant->preload);
        free(entrant->setting);
        free(entrant->environment);
        free(entrant->runs);
        free(entrant->samples);
        free(entrant->failure);
    }
    free(contest->entrants);
}

/*
 * --- the end ------------------------------------------------------------------------------------
 */

static bool report(const struct replay_contest *contest, struct output *output)
{
    const struct replay_options *options = contest->options;
    FILE *to = output_begin(output);

    if (options->format == REPLAY_JSON)
        replay_print_json(contest, to);
    else if (options->format == REPLAY_CSV)
        replay_print_csv(contest, to);
    else
        replay_print(contest, to, output_wants_color(options->color, fileno(to)));
    if (!output_close(output))
        return false;
    if (options->output && options->format != REPLAY_TABLE) {
        replay_print(contest, stdout, output_wants_color(options->color, STDOUT_FILENO));
        printf("written to %s\n", options->output);
    }
    return true;
}

static int exit_code_of(const struct replay_contest *contest)
{
    if (contest->interrupted)
        return EXIT_SIGNAL + contest->interrupted;
    for (size_t i = 0; i < contest->count; i++)
        if (contest->entrants[i].failure)
            return EXIT_DIFFERS;
    return 0;
}

static bool has_figures(const struct replay_contest *contest)
{
    for (size_t i = 0; i < contest->count; i++)
        if (replay_took_part(&contest->entrants[i]))
            return true;
    return false;
}

static int hold(struct replay_contest *contest, struct allocator_list *list,
                const char *stack_library, struct output *output)
{
    struct spawner spawner;
    double load[1] = {0};
    int exit_code = EXIT_OWN_ERROR;

    if (!spawn_open(&spawner, SPAWN_STOP))
        return EXIT_OWN_ERROR;
    if (getloadavg(load, 1) == 1)
        contest->load = load[0];
    if (enter_all(contest, list, stack_library, &spawner) && replay_rounds(contest, &spawner)) {
        replay_summarize(contest);
        if (contest->interrupted && !has_figures(contest))
            message("interrupted before anything was measured");
        else if (report(contest, output))
            exit_code = exit_code_of(contest);
    }
    if (spawner.interrupted)
        exit_code = EXIT_SIGNAL + spawner.interrupted;
    spawn_close(&spawner);
    return exit_code;
}

static int replay(struct replay_contest *contest, struct allocator_list *list,
                  struct output *output)
{
    const struct replay_options *options = contest->options;
    struct plan plan;
    struct plan_options wanted = {
        .strict = options->strict,
        .process = options->process == REPLAY_ANY_PROCESS ? -1 : (int64_t)options->process,
        .shows_progress = isatty(STDERR_FILENO),
    };
    char *stack_library;
    int result = EXIT_OWN_ERROR;

    if (!check_stacks(options, &stack_library))
        return EXIT_OWN_ERROR;
    contest->replayer = find_replayer();
    if (contest->replayer && plan_make(&plan, options->trace, &wanted)) {
        contest->plan = &plan;
        if (plan.damage)
            message("%s is %s: replayed up to there", options->trace, plan.damage);
        result = hold(contest, list, stack_library, output);
        leave(contest);
        plan_fini(&plan);
    }
    free(contest->replayer);
    free(stack_library);
    return result;
}

/* "cairn", and what it was given. */
static char **whole_command(int argc, char **argv)
{
    char **words = memory_take((size_t)argc + 2, sizeof *words);

    words[0] = (char *)"cairn";
    memcpy(words + 1, argv, (size_t)argc * sizeof *words);
    return words;
}

int replay_main(int argc, char **argv)
{
    struct replay_options options;
    struct allocator_list list;
    struct output output;
    char **command = whole_command(argc, argv); /* before options are put in front */

    int result = replay_options_read(&options, argc, argv);
    if (result == 0 && !options.help && !options.trace) {
        result = allocators_list(options.library);
    } else if (result == 0 && !options.help) {
        result = EXIT_OWN_ERROR;
        if (select_allocators(&options, &list)) {
            if (output_open(&output, options.output, options.overwrite, stdout)) {
                struct replay_contest contest = {
                    .options = &options, .trace = options.trace, .argv = command};
                result = replay(&contest, &list, &output);
                if (output.stream)
                    output_abandon(&output);
            }
        }
        allocators_free(&list);
    }
    replay_options_fini(&options);
    free(command);
    return result;
}
