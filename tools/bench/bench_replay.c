/* SPDX-License-Identifier: MIT */
/*
 * Recorded traces as programs of the suite: see bench.h. Each file in the suite's folder `traces`, but
 * for what is written about them (*.md), is a row of its own. `cairn replay` does the runs, all rounds under all allocators, interleaved as here,
 * and gives them as JSON (schema cairn.replay); they are taken over one by one, so that what is made
 * of them is made as for every other row. Its wall time and peak RSS are those of the replayed
 * operations, not of reading the trace.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "listen.h"
#include "message.h"
#include "own_memory.h"
#include "text.h"

/* --- which ---------------------------------------------------------------------------------------- */

/* "replay-gcc" of "/…/gcc.czt" */
static char *name_of(const char *path)
{
    const char *base = text_basename(path);
    return memory_format("replay-%.*s", (int)strcspn(base, "."), base);
}

/* About the traces, and none itself. */
static bool is_text(const char *path)
{
    const char *dot = strrchr(text_basename(path), '.');
    return dot && strcmp(dot, ".md") == 0;
}

void bench_find_traces(struct bench *bench)
{
    char *pattern = memory_format("%s/traces/*", bench->folder);
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        bench->traces = memory_take(found.gl_pathc, sizeof *bench->traces);
        bench->trace_files = memory_take(found.gl_pathc, sizeof *bench->trace_files);
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (is_text(found.gl_pathv[i]))
                continue;
            size_t index = bench->trace_count++;
            bench->trace_files[index] = memory_copy(found.gl_pathv[i]);
            bench->traces[index] = (struct suite_row){
                .name = name_of(found.gl_pathv[i]),
                .kind = SUITE_REPLAY,
                .threads = "-",
                .shows = "what a real program did, again",
            };
        }
        globfree(&found);
    }
    free(pattern);
}

void bench_forget_traces(struct bench *bench)
{
    for (size_t i = 0; i < bench->trace_count; i++) {
        free((char *)bench->traces[i].name);
        free(bench->trace_files[i]);
    }
    free(bench->traces);
    free(bench->trace_files);
}

/* --- the run -------------------------------------------------------------------------------------- */

/* "system,cairn,jemalloc=/usr/lib/…", as --allocators takes it; and Cairn's library apart. */
static char *allocator_words(const struct bench *bench, const char **library)
{
    char *words = memory_copy("");

    for (size_t i = 0; i < bench->entrants; i++) {
        const struct allocator *one = bench->allocators[i];
        bool by_path = !one->is_system && !one->is_cairn;
        char *longer = memory_format("%s%s%s%s%s", words, *words ? "," : "", one->name,
                                     by_path ? "=" : "", by_path ? one->path : "");
        free(words);
        words = longer;
        if (one->is_cairn)
            *library = one->path;
    }
    return words;
}

/* The words of `cairn replay`, a line each. Of its two kinds of runs, those for time tell all that a
 * row needs. */
char *bench_replay_words(const struct bench *bench, const struct bench_row *row, unsigned rounds)
{
    size_t index = (size_t)(row->suite - bench->traces), number = (size_t)(row - bench->rows);
    const char *library = NULL;
    char *allocators = allocator_words(bench, &library);
    char *words = memory_format(
        "/proc/self/exe\nreplay\n--json\n--only\ntime\n--rounds\n%u\n"
        "--seed\n%llu\n--allocators\n%s\n%s%s\n%s",
        rounds, (unsigned long long)(bench->options->seed + number) & LONG_MAX, allocators,
        library ? "--lib\n" : "", library ? library : "", bench->trace_files[index]);

    free(allocators);
    return words;
}

struct collected {
    char *bytes;
    size_t length;
};

static void take_output(void *context, const char *bytes, size_t size)
{
    struct collected *collected = context;

    collected->bytes = memory_resize(collected->bytes, collected->length + size, 1);
    memcpy(collected->bytes + collected->length, bytes, size);
    collected->length += size;
}

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void take_run(struct comparison *comparison, struct entrant *entrant, const json_t *run)
{
    json_int_t round = json_integer_value(json_object_get(run, "round"));

    if (round < 1 || (unsigned long long)round > comparison->rounds)
        return;
    entrant->runs[round - 1] = (struct figures){
        .done = true,
        .good = true,
        .wall = real_of(run, "wall_seconds"),
        .user = real_of(run, "cpu_seconds"),
        .peak_rss = (long long)real_of(run, "peak_rss_bytes"),
        .minor_faults = (long long)real_of(run, "minor_faults"),
        .major_faults = (long long)real_of(run, "major_faults"),
        .instructions = -1,
    };
    if ((unsigned)round > comparison->rounds_done)
        comparison->rounds_done = (unsigned)round;
}

/* Who could not replay it has failed once, in the first round. */
static void take_failure(struct entrant *entrant, const char *why)
{
    entrant->runs[0].done = true;
    entrant->runs[0].good = false;
    if (!entrant->failure_note)
        entrant->failure_note = memory_copy(why);
}

/* Takes over the document's runs. False if it is none. */
static bool take_document(struct comparison *comparison, const struct collected *collected)
{
    json_t *document = json_loadb(collected->bytes ? collected->bytes : "", collected->length, 0,
                                  NULL);
    const char *schema = json_string_value(json_object_get(document, "schema"));
    bool good = schema && strcmp(schema, "cairn.replay") == 0;
    size_t i, r;
    json_t *one, *run;

    if (good) {
        json_array_foreach(json_object_get(document, "allocators"), i, one)
        {
            const char *name = json_string_value(json_object_get(one, "name"));
            const char *failure = json_string_value(json_object_get(one, "failure"));
            for (size_t e = 0; name && e < comparison->count; e++) {
                struct entrant *entrant = &comparison->entrants[e];
                if (strcmp(entrant->allocator->name, name) != 0)
                    continue;
                json_array_foreach(json_object_get(one, "runs"), r, run)
                    take_run(comparison, entrant, run);
                if (failure)
                    take_failure(entrant, failure);
            }
        }
    }
    json_decref(document);
    return good;
}

char *bench_replay(struct bench_row *row, struct spawner *spawner)
{
    extern char **environ;
    struct comparison *comparison = &row->comparison;
    struct collected collected = {0};
    struct listener listener;
    struct spawn_outcome outcome;
    char *reason = NULL;

    listen_init(&listener, -1);
    struct spawn_request request = {
        .path = row->argv[0],
        .argv = row->argv,
        .environment = environ,
        .own_group = true,
        .input = -1,
        .output = {take_output, &collected},
        .errors = listen_errors(&listener),
        .limit_seconds = comparison->run_seconds * (double)comparison->count * comparison->rounds,
    };
    bool ran = spawn_run(spawner, &request, &outcome);
    if (!ran || (!spawner->interrupted && !take_document(comparison, &collected))) {
        char *said = listen_last_line(&listener);
        reason = memory_format("it could not be replayed%s%s", said ? "; it said: " : "",
                               said ? said : "");
        free(said);
    }
    comparison->interrupted = spawner->interrupted;
    free(collected.bytes);
    return reason;
}
