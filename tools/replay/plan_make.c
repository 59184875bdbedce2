/* SPDX-License-Identifier: MIT */
/* See plan_make.h. */
#define _GNU_SOURCE
#include "replay/plan_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"
#include "replay/compiler.h"
#include "spawn.h"
#include "trace/reader.h"

enum { PIECE = 1 << 16, LOOK_AT_CLOCK = 1 << 16 };

/*
 * --- files --------------------------------------------------------------------------------------
 */

/* A file that is gone when it is closed; programs that are started inherit it. -1 after a message. */
static int open_nameless(const char *what)
{
    const char *folder = getenv("TMPDIR");
    char *name = memory_format("%s/cairn-replay-XXXXXX", folder && *folder ? folder : "/tmp");
    int file = mkstemp(name);

    if (file < 0)
        message("replay: cannot make a file for %s in %s: %s", what,
                folder && *folder ? folder : "/tmp", strerror(errno));
    else
        unlink(name);
    free(name);
    return file;
}

/* A trace that can be read only once: standard input, or a pipe. */
static bool is_passing(const char *path)
{
    struct stat status;

    return strcmp(path, "-") == 0 || (stat(path, &status) == 0 && S_ISFIFO(status.st_mode));
}

/* What comes from there, in a file that can be read twice. -1 after a message. */
static int keep_input(const char *path)
{
    bool is_standard = strcmp(path, "-") == 0;
    int from = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        message("cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    int file = open_nameless("the trace");
    char *piece = memory_take(PIECE, 1);
    ssize_t got = 0;

    while (file >= 0 && (got = read(from, piece, PIECE)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || write(file, piece, (size_t)got) != got) {
            message("replay: cannot keep the trace: %s", strerror(errno));
            close(file);
            file = -1;
        }
    }
    free(piece);
    if (!is_standard)
        close(from);
    return file;
}

/*
 * --- progress -----------------------------------------------------------------------------------
 */

struct progress {
    bool shown, wanted;
    double start, last;
    unsigned calls;
};

static void show(struct progress *progress, const char *what, const struct trace_reader *reader)
{
    if (!progress->wanted || ++progress->calls % LOOK_AT_CLOCK != 0)
        return;
    double now = spawn_clock();
    if (now - progress->start < 1 || now - progress->last < 0.1)
        return;
    progress->last = now;
    progress->shown = true;
    fprintf(stderr, "\r\033[K%s: %.0f %%", what, trace_progress(reader) * 100);
}

static void clear(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}

/*
 * --- which process ------------------------------------------------------------------------------
 */

/* A program in a process: from its start, or an exec, to the next. */
struct program_run {
    uint32_t process, execs; /* that came before it */
    uint64_t events;
    bool found;
};

struct choice {
    struct program_run *now; /* by process */
    size_t room;
    struct program_run best;
    uint64_t processes, events;
};

static struct program_run *run_of(struct choice *choice, uint32_t process)
{
    if (process >= choice->room) {
        size_t room = choice->room ? choice->room : 16;
        while (room <= process)
            room *= 2;
        choice->now = memory_resize(choice->now, room, sizeof *choice->now);
        memset(choice->now + choice->room, 0, (room - choice->room) * sizeof *choice->now);
        choice->room = room;
    }
    choice->now[process].process = process;
    return &choice->now[process];
}

static void count_event(struct choice *choice, const struct trace_event *event, bool wanted)
{
    struct program_run *run = run_of(choice, event->process);

    if (event->op == TRACE_EXEC) {
        run->execs++;
        run->events = 0;
    }
    if (event->op > TRACE_FREE)
        return;
    choice->processes += run->events == 0;
    choice->events++;
    run->events++;
    if (wanted && (!choice->best.found || run->events > choice->best.events)) {
        choice->best = *run;
        choice->best.found = true;
    }
}

/* The first reading. */
static bool choose(struct choice *choice, const char *path, const struct plan_options *options,
                   struct progress *progress)
{
    struct trace_reader *reader = trace_open(path);
    struct trace_event event;

    if (!reader)
        return false;
    while (trace_next(reader, &event)) {
        bool wanted = options->process < 0 || event.process == options->process;
        count_event(choice, &event, wanted);
        show(progress, "looking through the trace", reader);
    }
    clear(progress);
    const char *damage = trace_damage(reader);
    if (!choice->best.found && options->process >= 0)
        message("replay: the trace has no allocations of process %lld; it has %u process%s, from 0",
                (long long)options->process, trace_processes(reader),
                trace_processes(reader) == 1 ? "" : "es");
    else if (!choice->best.found)
        message("replay: there are no allocations in %s%s%s", path, damage ? ": it is " : "",
                damage ? damage : "");
    trace_close(reader);
    return choice->best.found;
}

/*
 * --- the plan -----------------------------------------------------------------------------------
 */

static void describe(struct plan *plan, const struct trace_reader *reader, uint32_t process)
{
    const struct trace_process *from = trace_process(reader, process);
    const char *damage = trace_damage(reader), *command = from->command;

    if (!*command)
        command = trace_info(reader)->command;
    plan->command = memory_copy(command ? command : "");
    plan->process = process;
    plan->pid = from->pid;
    plan->damage = damage ? memory_copy(damage) : NULL;
}

static bool finish(struct plan *plan, struct compiler *compiler)
{
    struct stat status;
    bool good = compiler_finish(compiler);

    if (good && compiler->writer.header.operations == 0 && plan->command) {
        message("replay: none of the blocks in the trace is one that the process was seen to make");
        good = false;
    }
    if (compiler->writer.error)
        message("replay: cannot write the plan: %s", strerror(compiler->writer.error));
    plan->header = compiler->writer.header;
    plan->size = fstat(plan->file, &status) == 0 ? (uint64_t)status.st_size : 0;
    plan->threads = compiler->threads_seen;
    plan->unknown = compiler->live.unknown;
    plan->strange = compiler->live.strange;
    plan->failed = compiler->failed;
    plan->folded = compiler->folded;
    return good;
}

/* The second reading. */
static bool compile(struct plan *plan, const char *path, const struct choice *choice,
                    const struct plan_options *options, struct progress *progress)
{
    struct trace_reader *reader = trace_open(path);
    struct compiler *compiler = memory_take(1, sizeof *compiler);
    struct trace_event event;
    uint32_t execs = 0;

    if (!reader) {
        free(compiler);
        return false;
    }
    compiler_init(compiler, plan->file, options->strict);
    while (trace_next(reader, &event) && compiler->writer.error == 0) {
        show(progress, "making a plan", reader);
        if (event.process != choice->best.process)
            continue;
        if (event.op == TRACE_EXEC)
            execs++;
        else if (execs == choice->best.execs)
            compiler_take(compiler, &event);
    }
    clear(progress);
    describe(plan, reader, choice->best.process);
    bool good = finish(plan, compiler);
    trace_close(reader);
    compiler_fini(compiler);
    free(compiler);
    return good;
}

bool plan_make(struct plan *plan, const char *path, const struct plan_options *options)
{
    struct progress progress = {.wanted = options->shows_progress, .start = spawn_clock()};
    struct choice choice = {.room = 0};
    int input = -1;
    char *name = NULL;

    *plan = (struct plan){.file = -1};
    if (is_passing(path)) {
        input = keep_input(path);
        if (input < 0)
            return false;
        name = memory_format("/proc/self/fd/%d", input);
        path = name;
    }
    bool good = choose(&choice, path, options, &progress);
    if (good) {
        plan->file = open_nameless("the plan");
        good = plan->file >= 0 && compile(plan, path, &choice, options, &progress);
        plan->processes = choice.processes;
        plan->others = choice.events - choice.best.events;
    }
    if (input >= 0)
        close(input);
    free(name);
    free(choice.now);
    if (!good)
        plan_fini(plan);
    return good;
}

bool plan_make_empty(struct plan *plan)
{
    struct compiler *compiler = memory_take(1, sizeof *compiler);

    *plan = (struct plan){.file = open_nameless("the plan")};
    compiler_init(compiler, plan->file, false);
    bool good = plan->file >= 0 && finish(plan, compiler);
    compiler_fini(compiler);
    free(compiler);
    return good;
}

void plan_fini(struct plan *plan)
{
    if (plan->file >= 0)
        close(plan->file);
    plan->file = -1;
    free(plan->command);
    free(plan->damage);
    plan->command = plan->damage = NULL;
}
