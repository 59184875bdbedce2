/* SPDX-License-Identifier: MIT */
/*
 * `cairn record`: every allocation of an unmodified program, to a file.
 *
 * libcairn-record.so is preloaded into the program and all that it starts; it hands each call on to
 * the allocator that the program has anyway and writes it to memory shared with this process, whose
 * recorder (recorder.h) orders, counts, compresses and writes. Compression and the file are no load
 * for the program but for the processor time, and what it wrote before it was killed is not lost.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "environment.h"
#include "library.h"
#include "message.h"
#include "option_table.h"
#include "outcome.h"
#include "output.h"
#include "own_memory.h"
#include "probe.h"
#include "program.h"
#include "record/recorder.h"
#include "record/shared.h"
#include "record/summary.h"
#include "spawn.h"
#include "text.h"
#include "trace/writer.h"
#include "verbs.h"

static const char help[] =
    "Example:  cairn record sqlite3 shop.db 'select count(*) from orders'\n"
    "\n"
    "Usage: cairn record [OPTION...] PROGRAM [ARGUMENT...]\n"
    "Starts PROGRAM and writes every allocation of it and of the programs that it starts to a\n"
    "file, with time, thread and call stack. They keep their own malloc. The recording ends\n"
    "when all of them have ended; SIGINT or SIGTERM after PROGRAM's end ends it at once.\n"
    "\n"
    "  -o, --output FILE  default: cairn.PROGRAM.PID.czt, PID that of cairn\n"
    "  -f, --overwrite    even if FILE exists\n"
    "      --depth N      calls of a stack that are kept; default 64, 0: no stacks\n"
    "      --no-children  PROGRAM's own process only\n"
    "      --buffer SIZE  memory between each thread and the recorder: 64K to 2M, the default\n"
    "  -q, --quiet        no summary, unless nothing was recorded\n"
    "      --json         the summary, on stderr, as JSON (schema cairn.record)\n"
    "  -h, --help         this page\n"
    "\n"
    "Exit code: PROGRAM's own, or 128+N if signal N ended it. 125: nothing was recorded, or the\n"
    "file could not be written to its end (PROGRAM runs on unharmed), or cairn itself failed.\n"
    "126: PROGRAM cannot be executed. 127: there is no such program.\n";

enum {
    DEPTH_DEFAULT = 64,
    BUFFER_DEFAULT = 2 * 1024 * 1024,
    BUFFER_LEAST = RING_LEAST_WORDS * sizeof(uint64_t),
    BUFFER_MOST = RING_MOST_WORDS * sizeof(uint64_t),
};

struct options {
    bool quiet, json, overwrite, help, no_children;
    const char *output;
    uint64_t depth;
    uint64_t buffer; /* bytes; a power of two */
    char **argv;     /* of the program */
};

/* 0, or an exit code after a message. */
static int read_options(struct options *options, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {"depth", .count = &options->depth, .most = RING_DEPTH_MOST},
        {"no-children", .flag = &options->no_children},
        {"buffer", .size = &options->buffer, .least = BUFFER_LEAST, .most = BUFFER_MOST},
        {"quiet", 'q', .flag = &options->quiet},
        {"json", .flag = &options->json},
        {.name = NULL},
    };
    const struct option_form form = {.verb = "record",
                                     .help = help,
                                     .helped = &options->help,
                                     .rows = rows,
                                     .is_ended_by_word = true};
    uint64_t power = BUFFER_LEAST;

    *options = (struct options){.depth = DEPTH_DEFAULT, .buffer = BUFFER_DEFAULT};
    int result = option_table_read(&form, argc, argv, &options->argv);
    while (power < options->buffer)
        power *= 2;
    options->buffer = power;
    if (result || options->help || *options->argv)
        return result;
    message("record: which program? (see cairn record --help)");
    return EXIT_OWN_ERROR;
}

/* Says why the program is not started; 0 if nothing stands in the way. */
static int objection(const struct program *program, const char *name)
{
    if (program->exit_code == EXIT_NOT_EXECUTABLE)
        message("%s cannot be executed: it is %s", name, program->reason);
    else if (program->exit_code)
        message("%s cannot be recorded: it is %s", name, program->reason);
    return program->exit_code;
}

static bool library_works(struct spawner *spawner, const char *library)
{
    char *reason;

    if (probe_library(spawner, library, &reason))
        return true;
    message("the library %s is %s", library, reason);
    free(reason);
    return false;
}

static struct trace_writer *begin_trace(struct output *output, char *const *argv)
{
    struct utsname system;
    char *command = text_command(argv, 0);

    uname(&system);
    struct trace_info info = {
        .command = command,
        .machine = system.machine,
        .began = (uint64_t)time(NULL),
        .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
    };
    struct trace_writer *writer = trace_writer_create(output_begin_in_place(output),
                                                      TRACE_COMPRESSED, &info);
    free(command);
    return writer;
}

/* The program has ended, descendants may not have: until they do, or a signal asks for the end. */
static void wait_for_descendants(struct recorder *recorder, struct spawner *spawner)
{
    enum { TELL_AFTER = 100 };
    const struct timespec pause = {0, 10000000};
    struct signalfd_siginfo info;

    for (int i = 0; !atomic_load_explicit(&recorder->done, memory_order_acquire); i++) {
        nanosleep(&pause, NULL);
        if (i == TELL_AFTER && isatty(STDERR_FILENO))
            message("processes that the program started are still being recorded; Ctrl-C ends "
                    "that");
        while (read(spawner->signals, &info, sizeof info) == sizeof info)
            if (info.ssi_signo != SIGCHLD)
                atomic_store_explicit(&recorder->stop, true, memory_order_release);
    }
    recorder_join(recorder);
}

static int wait_status(const struct spawn_outcome *outcome)
{
    return outcome->signal ? W_EXITCODE(0, outcome->signal) | (outcome->dumped_core ? 0x80 : 0)
                           : W_EXITCODE(outcome->exit_code, 0);
}

/* What the run needs, made in this order. */
struct recording {
    const struct options *options;
    const struct program *program;
    struct spawner *spawner;
    struct output *output;
    struct shared shared;
    struct recorder *recorder;
    struct trace_writer *writer;
    struct spawn_outcome outcome;
};

static int conclude(struct recording *recording)
{
    struct recorder *recorder = recording->recorder;
    const char *path = recording->output->path;

    trace_flush(recording->writer);
    recorder->totals.file_bytes = trace_written(recording->writer);
    recording->output->created = false; /* what was written before a disk was full is kept */
    bool written = trace_finish(recording->writer) && output_close(recording->output);
    struct summary summary = {
        .argv = recording->options->argv,
        .path = path,
        .outcome = &recording->outcome,
        .totals = &recorder->totals,
        .lost = recorder->totals.lost + recording->shared.header->lost,
        .brings_malloc = recording->program->brings_malloc,
        .whole = written,
    };
    bool nothing = written && summary_objection(&summary) != NULL;
    if (recording->options->json)
        summary_json(&summary, stderr);
    else if (!recording->options->quiet || nothing)
        summary_text(&summary, stderr);
    int exit_code = spawn_exit_code(&recording->outcome);
    return exit_code == 0 && (nothing || !written) ? EXIT_OWN_ERROR : exit_code;
}

/* Runs the program under the recorder, which has been started. */
static int run_program(struct recording *recording, char **environment)
{
    const struct program *program = recording->program;
    struct spawn_outcome *outcome = &recording->outcome;
    struct spawn_request request = {
        .path = program->path,
        .argv = recording->options->argv,
        .environment = environment,
        .by_shell = program->by_shell,
        .inherit_outputs = true,
        .input = -1,
    };
    bool ran = spawn_run(recording->spawner, &request, outcome) && !outcome->exec_error;

    recorder_program_ended(recording->recorder, ran ? outcome->pid : -1,
                           ran ? wait_status(outcome) : 0);
    wait_for_descendants(recording->recorder, recording->spawner);
    if (ran)
        return conclude(recording);
    trace_finish(recording->writer);
    return outcome->exec_error ? outcome_not_started(*request.argv, outcome->exec_error)
                               : EXIT_OWN_ERROR;
}

static int record(struct recording *recording, const char *library)
{
    extern char **environ;
    const struct options *options = recording->options;
    struct shared_options wished = {.depth = (unsigned)options->depth,
                                    .only_first = options->no_children,
                                    .buffer = options->buffer};
    int result = EXIT_OWN_ERROR;

    if (!shared_create(&recording->shared, &wished))
        return EXIT_OWN_ERROR;
    recording->writer = begin_trace(recording->output, options->argv);
    recording->recorder = memory_take(1, sizeof *recording->recorder);
    char *preload = environment_preload(environ, library);
    char **environment = environment_with(
        environ, (const char *const[]){preload, recording->shared.setting, NULL});
    if (recorder_start(recording->recorder, &recording->shared, recording->writer)) {
        result = run_program(recording, environment);
        recorder_fini(recording->recorder);
    }
    free(environment);
    free(preload);
    free(recording->recorder);
    shared_destroy(&recording->shared);
    return result;
}

/* A write that fails is to say so, not to end the command: the signals are blocked (which programs do
 * not inherit, see spawn.h), and those that came are taken before spawn_close unblocks them. */
static void block_write_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGXFSZ);
    sigaddset(set, SIGPIPE);
    sigprocmask(SIG_BLOCK, set, NULL);
}

static void drop_write_signals(const sigset_t *set)
{
    const struct timespec at_once = {0, 0};

    while (sigtimedwait(set, NULL, &at_once) > 0)
        ;
}

/* The file is open. */
static int prepared(const struct options *options, const struct program *program,
                    const char *library, struct output *output)
{
    struct spawner spawner;
    struct recording recording = {
        .options = options, .program = program, .spawner = &spawner, .output = output};
    int result = EXIT_OWN_ERROR;

    if (!spawn_open(&spawner, SPAWN_FORWARD))
        return result;
    sigset_t write_signals;
    block_write_signals(&write_signals);
    /* Processes whose parents end become children of this one, so that it knows of them. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (library_works(&spawner, library))
        result = record(&recording, library);
    drop_write_signals(&write_signals);
    spawn_close(&spawner);
    return result;
}

int record_main(int argc, char **argv)
{
    struct options options;
    struct program program = {.path = NULL};
    struct output output = {.stream = NULL};
    char *path = NULL, *library = NULL, *file = NULL;

    int result = read_options(&options, argc, argv);
    if (result == 0 && options.help)
        return 0;
    if (result == 0 && options.output && strcmp(options.output, "-") == 0) {
        message("record: standard output is the program's own: -o takes the name of a file");
        result = EXIT_OWN_ERROR;
    }
    if (result == 0)
        result = program_find(options.argv[0], &path);
    if (result == 0) {
        library = library_find_recorder();
        result = library ? 0 : EXIT_OWN_ERROR;
    }
    if (result == 0) {
        program_judge(&program, path, library);
        path = NULL;
        result = objection(&program, options.argv[0]);
    }
    if (result == 0) {
        file = options.output ? memory_copy(options.output)
                              : memory_format("cairn.%s.%d.czt", text_basename(options.argv[0]),
                                              (int)getpid());
        if (!output_open(&output, file, options.overwrite, stderr))
            result = EXIT_OWN_ERROR;
    }
    if (result == 0)
        result = prepared(&options, &program, library, &output);
    if (output.stream)
        output_abandon(&output);
    free(file);
    free(path);
    free(library);
    program_fini(&program);
    return result;
}
