/* SPDX-License-Identifier: MIT */
/* The failure lines. See failure.h. */
#include "property/failure.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct run run;

static _Thread_local unsigned current_thread;
static _Thread_local size_t current_number;
static _Thread_local const struct operation *current_operation;

void failure_note(unsigned thread, size_t number, const struct operation *operation)
{
    current_thread = thread;
    current_number = number;
    current_operation = operation;
}

static void put(const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);

        if (written <= 0) {
            return;
        }
        text += written;
        size -= (size_t)written;
    }
}

/* The first thread that fails speaks; the others wait for it to end the process. */
static void be_the_first(void)
{
    static atomic_flag is_taken = ATOMIC_FLAG_INIT;

    while (atomic_flag_test_and_set(&is_taken)) {
        pause();
    }
}

static void report(const char *breach)
{
    be_the_first();
    char line[512];
    char operation[OPERATION_TEXT_MAX] = "none\n";

    if (current_operation != NULL) {
        operation_print(current_operation, operation);
    }
    snprintf(line, sizeof line, "property: FAILED: %s\nproperty: seed %llu, thread %u, op %zu: %s",
             breach, (unsigned long long)run.seed, current_thread, current_number, operation);
    put(line);
    if (run.replay_file != NULL) {
        snprintf(line, sizeof line, "property: again: %s --replay %s\n", run.program,
                 run.replay_file);
    } else {
        /* Other threads have run on meanwhile; a single thread needs nothing after this one. */
        size_t operations = run.threads == 1 && run.churn <= 1 ? current_number : run.operations;

        snprintf(
            line, sizeof line,
            "property: again: %s --seed %llu --ops %zu --threads %u --churn %u --profile %s%s\n",
            run.program, (unsigned long long)run.seed, operations, run.threads, run.churn,
            run.profile->name, run.threads == 1 ? " (or --shrink)" : "");
    }
    put(line);
}

_Noreturn void fail(const char *format, ...)
{
    char breach[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(breach, sizeof breach, format, arguments);
    va_end(arguments);
    report(breach);
    _exit(1);
}

static void on_signal(int number)
{
    char breach[64];

    snprintf(breach, sizeof breach, "signal %d", number);
    report(breach);
    signal(number, SIG_DFL);
    raise(number);
}

void failure_catch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;

        sigaction(numbers[i], NULL, &old);
        if (old.sa_handler == SIG_DFL) {
            signal(numbers[i], on_signal);
        }
    }
}
