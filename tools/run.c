/* SPDX-License-Identifier: MIT */
/*
 * `cairn run`: starts a program on Cairn, proves that Cairn is its malloc, and reports.
 *
 * Three things stand between LD_PRELOAD and that proof: the program may not be one that the loader
 * preloads into (program.h), the library may not load (probe.h), and something may still go wrong
 * in the process itself; so that one has the last word (proof.h). The first two are looked at
 * before anything is started.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "environment.h"
#include "library.h"
#include "message.h"
#include "option_table.h"
#include "outcome.h"
#include "output.h"
#include "probe.h"
#include "program.h"
#include "proof.h"
#include "run.h"
#include "spawn.h"
#include "verbs.h"

static const char help[] =
    "Example:  cairn run sqlite3 shop.db 'select count(*) from orders'\n"
    "\n"
    "Usage: cairn run [OPTION...] PROGRAM [ARGUMENT...]\n"
    "Starts PROGRAM with Cairn as its malloc, proves that it is, and when PROGRAM has ended says "
    "on\n"
    "stderr how it went. What cannot run on Cairn (static, setuid, foreign) is not started.\n"
    "\n"
    "  -q, --quiet        no report, unless Cairn was not active\n"
    "      --json         the report as JSON (schema cairn.run)\n"
    "  -o, --output FILE  the report goes to FILE, not to stderr\n"
    "  -f, --overwrite    even if FILE exists\n"
    "      --hardened     Cairn's hardened library: PROGRAM is stopped where it misuses memory\n"
    "      --checked      the ordinary library with checks: stopped at what is freed wrongly, at\n"
    "                     nearly full speed\n"
    "      --lib PATH     the library to preload; default: $CAIRN_LIB, else ../lib beside cairn\n"
    "      --force        start PROGRAM even if Cairn cannot be active in it\n"
    "  -h, --help         this page\n"
    "\n"
    "Exit code: PROGRAM's own, or 128+N if signal N ended it. 125: Cairn was not active, or cairn\n"
    "itself failed. 126: PROGRAM cannot be executed. 127: there is no such program.\n";

struct options {
    bool quiet, json, overwrite, force, hardened, checked, help;
    const char *output, *library;
    char **argv; /* of the program */
};

/* 0, or an exit code after a message. */
static int read_options(struct options *options, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"quiet", 'q', .flag = &options->quiet},
        {"json", .flag = &options->json},
        {"output", 'o', .text = &options->output},
        {"overwrite", 'f', .flag = &options->overwrite},
        {"hardened", .flag = &options->hardened},
        {"lib", .text = &options->library},
        {"checked", .flag = &options->checked},
        {"force", .flag = &options->force},
        {.name = NULL},
    };
    const struct option_form form = {.verb = "run",
                                     .help = help,
                                     .helped = &options->help,
                                     .rows = rows,
                                     .is_ended_by_word = true};

    *options = (struct options){.quiet = false};
    int result = option_table_read(&form, argc, argv, &options->argv);
    if (result || options->help || *options->argv)
        return result;
    message("run: which program? (see cairn run --help)");
    return EXIT_OWN_ERROR;
}

/* Says why the program is not started; 0 if nothing stands in the way. */
static int objection(const struct program *program, const char *name, bool force)
{
    if (program->exit_code == EXIT_NOT_EXECUTABLE)
        message("%s cannot be executed: it is %s", name, program->reason);
    else if (program->exit_code && !force)
        message("%s cannot run on Cairn: it is %s", name, program->reason);
    else
        return 0;
    return program->exit_code;
}

static bool library_works(struct spawner *spawner, const char *library, bool force)
{
    char *reason;

    if (probe_library(spawner, library, &reason))
        return true;
    if (!force)
        message("the library %s is %s", library, reason);
    free(reason);
    return force;
}

static bool write_report(const struct run_report *report, const struct options *options,
                         struct output *output)
{
    if (options->quiet && !report->not_active && !options->output)
        return true;
    FILE *to = output_begin(output);
    if (options->json)
        run_report_json(report, to);
    else
        run_report_text(report, to);
    return output_close(output);
}

/* After the program's end: the report, and the exit code. */
static int conclude(const struct program *program, const struct options *options,
                    const char *library, const struct spawn_outcome *outcome, struct proof *proof,
                    struct output *output)
{
    proof_read(proof);
    struct run_report report = {
        .argv = options->argv,
        .library = library,
        .outcome = outcome,
        .proof = proof,
        .process = proof_of(proof, outcome->pid),
    };
    report.not_active = proof_objection(proof, outcome->pid, program->brings_malloc,
                                        outcome->signal != 0);
    if (report.not_active && !report.process && program->reason)
        report.not_active = program->reason; /* known beforehand, and forced */
    bool written = write_report(&report, options, output);
    int exit_code = spawn_exit_code(outcome);
    bool failed = !written || (report.not_active && !options->force);
    return exit_code == 0 && failed ? EXIT_OWN_ERROR : exit_code;
}

static int run(const struct program *program, const struct options *options, const char *library,
               struct spawner *spawner, struct output *output)
{
    extern char **environ;
    struct proof proof;
    struct spawn_outcome outcome;
    int result = EXIT_OWN_ERROR;

    if (!proof_open(&proof))
        return EXIT_OWN_ERROR;
    char *preload = environment_preload(environ, library);
    char **environment = environment_with(environ,
                                          (const char *const[]){preload, proof.setting, NULL});
    struct spawn_request request = {
        .path = program->path,
        .argv = options->argv,
        .environment = environment,
        .by_shell = program->by_shell,
        .inherit_outputs = true,
        .input = -1,
    };
    if (spawn_run(spawner, &request, &outcome)) {
        if (outcome.exec_error)
            result = outcome_not_started(options->argv[0], outcome.exec_error);
        else
            result = conclude(program, options, library, &outcome, &proof, output);
    }
    free(environment);
    free(preload);
    proof_close(&proof);
    return result;
}

static char *find_library(const struct options *options)
{
    if (options->library)
        return library_find(options->library);
    if (options->hardened)
        return library_find_hardened();
    return options->checked ? library_find_checked() : library_find(NULL);
}

int run_main(int argc, char **argv)
{
    struct options options;
    struct program program = {.path = NULL};
    struct spawner spawner;
    struct output output = {.stream = NULL};
    char *path = NULL, *library = NULL;

    int result = read_options(&options, argc, argv);
    if (result == 0 && options.help)
        return 0;
    if (result == 0)
        result = program_find(options.argv[0], &path);
    if (result == 0) {
        library = find_library(&options);
        result = library ? 0 : EXIT_OWN_ERROR;
    }
    if (result == 0) {
        program_judge(&program, path, library);
        path = NULL;
        result = objection(&program, options.argv[0], options.force);
    }
    if (result == 0 && !output_open(&output, options.output, options.overwrite, stderr))
        result = EXIT_OWN_ERROR;
    if (result == 0 && !spawn_open(&spawner, SPAWN_FORWARD)) {
        result = EXIT_OWN_ERROR;
    } else if (result == 0) {
        result = library_works(&spawner, library, options.force)
                     ? run(&program, &options, library, &spawner, &output)
                     : EXIT_OWN_ERROR;
        spawn_close(&spawner);
    }
    if (output.stream)
        output_abandon(&output);
    free(path);
    free(library);
    program_fini(&program);
    return result;
}
