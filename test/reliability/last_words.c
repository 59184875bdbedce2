/* SPDX-License-Identifier: MIT */
/*
 * Processes that end at once while threads allocate: by abort, with a handler that allocates; by
 * _exit in a thread; by quick_exit in a thread, with handlers that allocate; by a fatal signal. None
 * may hang or die of anything else, and the handlers find their blocks as they were.
 */
#include "reliability/reliability.h"

#include <semaphore.h>
#include <signal.h>

enum { TIMES = 25, BUSY = 3, SLOTS = 50, SECONDS = 30, CODE = 44 };

static sem_t started;
static struct parcel *early;
static struct random shared;

static void *run_for_ever(void *argument)
{
    struct random random = random_seeded(95, (uintptr_t)argument);
    struct parcel *parcels[SLOTS] = {NULL};

    for (size_t n = 0;; n++) {
        size_t at = random_below(&random, SLOTS);
        parcel_free(parcels[at]);
        parcels[at] = parcel_make(&random, server_size(&random));
        if (n == SLOTS) {
            sem_post(&started);
        }
    }
    return NULL;
}

static void look_and_allocate(void)
{
    parcel_free(early);
    for (int i = 0; i < 200; i++) {
        parcel_free(parcel_make(&shared, server_size(&shared)));
    }
    early = parcel_make(&shared, 5000);
}

/* Of a thread that is not within malloc: it has called abort. */
static void on_abort(int number)
{
    (void)number;
    look_and_allocate();
    _exit(CODE);
}

static void *leave_by_exit(void *argument)
{
    look_and_allocate();
    _exit(CODE);
    return argument;
}

static void *leave_by_quick_exit(void *argument)
{
    look_and_allocate();
    quick_exit(CODE);
    return argument;
}

static void *leave_by_abort(void *argument)
{
    look_and_allocate();
    abort();
    return argument;
}

static void *leave_by_signal(void *argument)
{
    look_and_allocate();
    raise(SIGKILL);
    return argument;
}

static void end(void *(*leave)(void *), bool in_thread)
{
    alarm(SECONDS);
    signal(SIGABRT, on_abort);
    at_quick_exit(look_and_allocate);
    shared = random_seeded(96, 0);
    early = parcel_make(&shared, 5000);
    sem_init(&started, 0, 0);
    for (uintptr_t i = 0; i < BUSY; i++) {
        thread_start(run_for_ever, (void *)i);
    }
    for (size_t i = 0; i < BUSY; i++) {
        while (sem_wait(&started) != 0) {
        }
    }
    if (in_thread) {
        thread_join(thread_start(leave, NULL));
    }
    leave(NULL);
}

static void expect_end(void *(*leave)(void *), int signal_expected)
{
    for (size_t i = test_scaled(TIMES); i > 0; i--) {
        int status;
        pid_t child = fork();

        expect(child >= 0, "fork: errno %d", errno);
        if (child == 0) {
            end(leave, i % 2);
        }
        expect(waitpid(child, &status, 0) == child, "waitpid: errno %d", errno);
        bool as_expected = signal_expected != 0
                               ? WIFSIGNALED(status) && WTERMSIG(status) == signal_expected
                               : WIFEXITED(status) && WEXITSTATUS(status) == CODE;
        expect(as_expected, "wait status %#x", status);
    }
}

int main(void)
{
    require_cairn_if_expected();
    expect_end(leave_by_abort, 0);
    expect_end(leave_by_exit, 0);
    expect_end(leave_by_quick_exit, 0);
    expect_end(leave_by_signal, SIGKILL);
    return 0;
}
