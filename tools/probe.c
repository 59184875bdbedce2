/* SPDX-License-Identifier: MIT */
/* Trying out a library: see probe.h. */
#define _GNU_SOURCE
#include "probe.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "own_memory.h"
#include "message.h"
#include "spawn.h"
#include "text.h"
#include "verbs.h"

static const double limit_seconds = 10;

struct note {
    char text[4096];
    size_t length;
};

static void take_note(void *context, const char *bytes, size_t size)
{
    struct note *note = context;
    size_t room = sizeof note->text - 1 - note->length;

    memcpy(note->text + note->length, bytes, size < room ? size : room);
    note->length += size < room ? size : room;
}

/* `cairn __probe`: writes the file that malloc comes from. Not for people. */
int probe_main(int argc, char **argv)
{
    void *volatile block = malloc(1000); /* volatile, or the compiler does without it */
    Dl_info info;
    union {
        void *object;
        void *(*function)(size_t);
    } found = {.object = dlsym(RTLD_DEFAULT, "malloc")};

    (void)argc, (void)argv;
    if (!block || !found.object || !dladdr(found.object, &info))
        return EXIT_OWN_ERROR;
    free(block);
    printf("%s\n", info.dli_fname);
    return 0;
}

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;

    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static const char refusal[] = "refused by the loader: ";

static bool is_refusal(const char *words)
{
    return strncmp(words, refusal, sizeof refusal - 1) == 0;
}

/*
 * ld.so's own words, from its line "… cannot be preloaded (WORDS): ignored.", else the last line.
 */
static char *why(struct note *errors)
{
    char *words = strstr(errors->text, "cannot be preloaded (");

    if (words) {
        words += strlen("cannot be preloaded (");
        char *end = strstr(words, "): ignored");
        return memory_format("%s%.*s", refusal, end ? (int)(end - words) : 200, words);
    }
    while (errors->length > 0 && errors->text[errors->length - 1] == '\n')
        errors->text[--errors->length] = '\0';
    words = strrchr(errors->text, '\n');
    return memory_copy(words ? words + 1 : errors->text);
}

static char *judge(const char *library, const struct spawn_outcome *outcome, struct note *output,
                   struct note *errors)
{
    char signal[TEXT_SHORT];
    char *words = why(errors), *reason = NULL;

    output->text[strcspn(output->text, "\n")] = '\0';
    if (outcome->timed_out)
        reason = memory_format("not able to start a program within %.0f s", limit_seconds);
    else if (outcome->signal)
        reason = memory_format("killing programs at their start (%s)%s%s",
                               text_signal(signal, outcome->signal), *words ? ": " : "", words);
    else if (outcome->exec_error || outcome->exit_code)
        reason = memory_format("not loadable%s%s", *words ? ": " : "", words);
    else if (!same_file(library, output->text) && is_refusal(words))
        reason = memory_copy(words);
    else if (!same_file(library, output->text))
        reason = memory_format("loaded, but malloc still comes from %s", output->text);
    free(words);
    return reason;
}

bool probe_library(struct spawner *spawner, const char *library, char **reason)
{
    extern char **environ;
    struct note output = {.length = 0}, errors = {.length = 0};
    struct spawn_outcome outcome;
    char *preload = memory_format("LD_PRELOAD=%s", library);
    /* Settings of ours might make the probe write reports that only the program is to write. */
    char **environment = environment_with(environ, (const char *const[]){preload, "CAIRN_*", NULL});
    struct spawn_request request = {
        .path = "/proc/self/exe",
        .argv = (char *const[]){(char *)"cairn", (char *)"__probe", NULL},
        .environment = environment,
        .own_group = true,
        .input = -1,
        .output = {take_note, &output},
        .errors = {take_note, &errors},
        .limit_seconds = limit_seconds,
    };

    *reason = NULL;
    if (spawn_run(spawner, &request, &outcome))
        *reason = judge(library, &outcome, &output, &errors);
    else
        *reason = memory_copy("not tried");
    free(environment);
    free(preload);
    return *reason == NULL;
}
