/* SPDX-License-Identifier: MIT */
/*
 * Which programs of the suite are run, and how each is started: see bench.h.
 *
 * A workload is a file of the suite's own. For a real program the suite has a script; it is called as
 * `sh NAME.sh FOLDER quick|full`, makes the program's input in FOLDER, and prints how to start it, one
 * word a line. Exit code 77 says that the program is not on this machine; the last line on stderr
 * names what is missing. Traces are replayed by this command's own verb.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listen.h"
#include "message.h"
#include "own_memory.h"
#include "text.h"

#ifndef CAIRN_BENCH_DIR
#define CAIRN_BENCH_DIR "/usr/local/libexec/cairn/bench"
#endif

enum { NOT_HERE = 77, WORDS_ROOM = 4096 };
static const double prepare_seconds = 120;

char *bench_folder(void)
{
    const char *wanted = getenv("CAIRN_BENCH");
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *folder = NULL;

    if (wanted && *wanted) {
        folder = memory_copy(wanted);
    } else if (length > 0) {
        self[length] = '\0';
        for (int up = 0; up < 2 && strrchr(self, '/'); up++) /* the command, then bin */
            *strrchr(self, '/') = '\0';
        folder = memory_format("%s/libexec/cairn/bench", self);
        if (access(folder, R_OK) < 0) {
            free(folder);
            folder = memory_copy(CAIRN_BENCH_DIR);
        }
    }
    char *real = folder ? realpath(folder, NULL) : NULL;
    if (!real)
        message("the files of the suite are not at %s: build or install cairn, or set CAIRN_BENCH",
                folder ? folder : CAIRN_BENCH_DIR);
    free(folder);
    return real;
}

/*
 * --- which ---------------------------------------------------------------------------------------
 */

static bool is_wanted(const struct bench_options *options, const struct suite_row *row)
{
    if (!options->latency && !options->table && !options->web)
        return true;
    return (options->latency && row->flags & SUITE_LATENCY) ||
           (options->table && row->flags & SUITE_CHOICE) ||
           (options->web && row->flags & SUITE_WEB);
}

/* The rows there can be: those of the suite, then the traces. NULL behind the last. */
static const struct suite_row *row_at(const struct bench *bench, size_t index)
{
    if (index < suite_count)
        return &suite_rows[index];
    index -= suite_count;
    return index < bench->trace_count ? &bench->traces[index] : NULL;
}

static bool unknown(const struct bench *bench, const char *name)
{
    const char **names = memory_take(suite_count + bench->trace_count + 1, sizeof *names);
    const struct suite_row *row;

    for (size_t i = 0; (row = row_at(bench, i)); i++)
        names[i] = row->name;
    const char *nearest = message_nearest(name, names);
    free(names);
    if (nearest)
        message("no program '%s' is in the suite (did you mean %s?)", name, nearest);
    else
        message("no program '%s' is in the suite (cairn bench --list shows them)", name);
    return false;
}

static void add(struct bench *bench, const struct suite_row *suite, const char *settings)
{
    bench->rows = memory_resize(bench->rows, bench->count + 1, sizeof *bench->rows);
    bench->rows[bench->count++] = (struct bench_row){
        .suite = suite,
        .settings = settings ? memory_copy(settings) : NULL,
    };
}

static bool add_named(struct bench *bench, char *word)
{
    char *settings = strchr(word, ':');
    const struct suite_row *row;

    if (settings)
        *settings++ = '\0';
    for (size_t i = 0; i < bench->count; i++)
        if (strcmp(bench->rows[i].suite->name, word) == 0) {
            message("--only names %s twice", word);
            return false;
        }
    for (size_t i = 0; (row = row_at(bench, i)); i++) {
        if (strcmp(row->name, word) != 0)
            continue;
        if (settings && row->kind != SUITE_WORKLOAD) {
            message("%s is no workload of the suite's own: it has no parameters", word);
            return false;
        }
        add(bench, row, settings);
        return true;
    }
    return unknown(bench, word);
}

bool bench_select(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    const struct suite_row *row;
    bool good = true;

    if (!options->only) {
        for (size_t i = 0; (row = row_at(bench, i)); i++)
            if (is_wanted(options, row))
                add(bench, row, NULL);
        return true;
    }
    char *all = memory_copy(options->only), *rest = all, *word;
    while (good && (word = strsep(&rest, ",")))
        good = *word == '\0' || add_named(bench, word);
    free(all);
    if (good && bench->count == 0) {
        message("--only names no program (cairn bench --list shows them)");
        good = false;
    }
    return good;
}

void bench_print_list(const struct bench *bench, FILE *to)
{
    const struct suite_row *row;
    size_t widest = 0;

    for (size_t i = 0; (row = row_at(bench, i)); i++)
        widest = strlen(row->name) > widest ? strlen(row->name) : widest;
    for (size_t i = 0; (row = row_at(bench, i)); i++)
        fprintf(to, "%-*s %-9s %3s thread%s  %s\n", (int)widest, row->name, suite_kinds[row->kind],
                row->threads, strcmp(row->threads, "1") == 0 ? " " : "s", row->shows);
}

/*
 * --- how -----------------------------------------------------------------------------------------
 */

/* The state, with a reason that becomes the row's. */
static void set_aside(struct bench_row *row, enum bench_state state, char *reason)
{
    row->state = state;
    free(row->reason);
    row->reason = reason;
}

/* Splits words, a line each, into argv. */
static void take_words(struct bench_row *row, char *words)
{
    size_t count = 0;
    char *rest = words, *word;

    row->words = words;
    row->argv = memory_take(1, sizeof *row->argv);
    while ((word = strsep(&rest, "\n"))) {
        if (!*word)
            continue;
        row->argv = memory_resize(row->argv, count + 2, sizeof *row->argv);
        row->argv[count++] = word;
        row->argv[count] = NULL;
    }
}

static void prepare_workload(struct bench *bench, struct bench_row *row)
{
    char *words = memory_format("%s/%s\n%s\n%s", bench->folder, row->suite->name,
                                bench->options->quick ? "--short" : "",
                                row->settings ? row->settings : "");

    for (char *at = words + strlen(bench->folder); *at; at++)
        if (*at == ':')
            *at = '\n';
    take_words(row, words);
}

static bool make_work_folder(struct bench *bench)
{
    const char *wanted = getenv("TMPDIR");

    if (bench->work)
        return true;
    bench->work = memory_format("%s/cairn-bench-XXXXXX", wanted && *wanted ? wanted : "/tmp");
    if (mkdtemp(bench->work) && chmod(bench->work, 0755) == 0)
        return true;
    message("cannot make a folder for inputs, %s: %s", bench->work, strerror(errno));
    free(bench->work);
    bench->work = NULL;
    return false;
}

struct words {
    char text[WORDS_ROOM];
    size_t length;
};

static void take_output(void *context, const char *bytes, size_t size)
{
    struct words *words = context;

    if (size > sizeof words->text - 1 - words->length)
        size = sizeof words->text - 1 - words->length;
    memcpy(words->text + words->length, bytes, size);
    words->length += size;
}

/* Runs the script. False if the row is set aside. */
static bool run_script(struct bench *bench, struct bench_row *row, struct spawner *spawner,
                       char *script, struct words *words)
{
    extern char **environ;
    char *folder = memory_format("%s/%s", bench->work, row->suite->name);
    char shell[] = "/bin/sh", quick[] = "quick", full[] = "full";
    char *argv[] = {shell, script, folder, bench->options->quick ? quick : full, NULL};
    struct listener listener;
    struct spawn_outcome outcome;

    listen_init(&listener, -1);
    struct spawn_request request = {
        .path = shell,
        .argv = argv,
        .environment = environ,
        .own_group = true,
        .input = -1,
        .output = {take_output, words},
        .errors = listen_errors(&listener),
        .limit_seconds = prepare_seconds,
    };
    bool good = mkdir(folder, 0755) == 0 && spawn_run(spawner, &request, &outcome);
    char *said = listen_last_line(&listener);
    if (!good)
        set_aside(row, BENCH_FAILED, memory_format("cannot prepare it in %s", folder));
    else if (spawner->interrupted)
        good = false;
    else if (outcome.exit_code == NOT_HERE)
        set_aside(row, BENCH_SKIPPED, memory_copy(said ? said : "it is not on this machine"));
    else if (outcome.exit_code || outcome.signal || words->length == 0)
        set_aside(
            row, BENCH_FAILED,
            memory_format("its input could not be made%s%s", said ? ": " : "", said ? said : ""));
    free(said);
    free(folder);
    return good && row->state == BENCH_WAITING;
}

static void prepare_program(struct bench *bench, struct bench_row *row, struct spawner *spawner)
{
    char *script = memory_format("%s/programs/%s.sh", bench->folder, row->suite->name);
    struct words words = {.length = 0};

    if (access(script, R_OK) < 0)
        set_aside(row, BENCH_SKIPPED, memory_format("there is no %s", script));
    else if (!make_work_folder(bench))
        set_aside(row, BENCH_FAILED, memory_copy("there is no folder for its input"));
    else if (run_script(bench, row, spawner, script, &words))
        take_words(row, memory_copy(words.text));
    free(script);
}

/* The program can be found, and preloaded into; what is wrong with it has been said otherwise. */
static void find_program(struct bench *bench, struct bench_row *row)
{
    const char *library = "/proc/self/exe", *name = row->argv[0];
    char *path = strchr(name, '/') ? memory_copy(name) : program_search(name);

    for (size_t i = 0; i < bench->list.count; i++)
        if (bench->list.items[i].path)
            library = bench->list.items[i].path;
    if (!path || access(path, X_OK) < 0) {
        set_aside(row, BENCH_SKIPPED, memory_format("there is no %s", name));
        free(path);
        return;
    }
    program_judge(&row->program, path, library);
    if (row->program.exit_code)
        set_aside(row, BENCH_SKIPPED, memory_format("%s is %s", name, row->program.reason));
}

void bench_prepare(struct bench *bench, struct bench_row *row, struct spawner *spawner)
{
    switch (row->suite->kind) {
    case SUITE_PROGRAM:
        prepare_program(bench, row, spawner);
        break;
    case SUITE_REPLAY:
        take_words(row, bench_replay_words(bench, row, bench_rounds(bench)));
        return;
    default:
        prepare_workload(bench, row);
        break;
    }
    if (row->state == BENCH_WAITING && row->argv && !spawner->interrupted)
        find_program(bench, row);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    remove(path);
    return 0;
}

void bench_tidy(struct bench *bench)
{
    if (bench->work && nftw(bench->work, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
        message("cannot remove %s: %s", bench->work, strerror(errno));
    free(bench->work);
    bench->work = NULL;
}
