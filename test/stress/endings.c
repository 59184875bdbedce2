/* SPDX-License-Identifier: MIT */
/*
 * Threads that do not end in an orderly way: detached ones, cancelled ones, and those that are still
 * in malloc when the process ends. Exit handlers and destructors then run beside them, and allocate
 * and free what was allocated early.
 */
#include "stress/stress.h"

#include <errno.h>
#include <semaphore.h>
#include <sys/wait.h>

enum { DETACHED = 300, CANCELLED = 300, EXITS = 40, BUSY = 4, SLOTS = 100, CHILD_SECONDS = 30 };

static sem_t done;
static struct parcel *early;

struct holding {
    struct random random;
    struct parcel *parcels[SLOTS];
};

static void replace_one(struct holding *holding)
{
    size_t slot = random_below(&holding->random, SLOTS);

    parcel_free(holding->parcels[slot]);
    holding->parcels[slot] = parcel_make(&holding->random, server_size(&holding->random));
}

static void let_go(void *argument)
{
    struct holding *holding = argument;

    for (size_t i = 0; i < SLOTS; i++) {
        parcel_free(holding->parcels[i]);
    }
    free(holding);
}

static struct holding *holding_make(uint64_t seed)
{
    struct holding *holding = calloc(1, sizeof *holding);

    expect(holding != NULL, "no memory");
    holding->random = random_seeded(9, seed);
    return holding;
}

static void *run_detached(void *argument)
{
    struct holding *holding = holding_make((uintptr_t)argument);

    for (int i = 0; i < 200; i++) {
        replace_one(holding);
    }
    let_go(holding);
    sem_post(&done);
    return NULL;
}

static void detached(size_t count)
{
    sem_init(&done, 0, 0);
    for (size_t i = 0; i < count; i++) {
        pthread_detach(thread_start(run_detached, (void *)i));
        if (i >= BUSY) {
            while (sem_wait(&done) != 0) {
            }
        }
    }
    for (size_t i = 0; i < BUSY; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
}

static void *run_until_cancelled(void *argument)
{
    struct holding *holding = holding_make((uintptr_t)argument);

    pthread_cleanup_push(let_go, holding);
    for (;;) {
        replace_one(holding);
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancelled(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pthread_t thread = thread_start(run_until_cancelled, (void *)i);
        void *result = NULL;

        usleep(100);
        expect(pthread_cancel(thread) == 0, "pthread_cancel failed");
        expect(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED, "not cancelled");
    }
}

static void *run_for_ever(void *argument)
{
    struct holding *holding = holding_make((uintptr_t)argument);

    sem_post(&done);
    for (;;) {
        replace_one(holding);
    }
    return NULL;
}

/* Runs in exit(), while the threads go on. */
static void at_the_end(void)
{
    struct random random = random_seeded(10, 0);

    parcel_free(early);
    for (int i = 0; i < 100; i++) {
        parcel_free(parcel_make(&random, server_size(&random)));
    }
}

static void exit_beside_threads(uint64_t seed)
{
    struct random random = random_seeded(11, seed);

    alarm(CHILD_SECONDS);
    early = parcel_make(&random, 5000);
    expect(atexit(at_the_end) == 0, "atexit failed");
    sem_init(&done, 0, 0);
    for (size_t i = 0; i < BUSY; i++) {
        thread_start(run_for_ever, (void *)i);
    }
    for (size_t i = 0; i < BUSY; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    usleep((useconds_t)random_below(&random, 3000));
    exit(0);
}

static void exits(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        pid_t child = fork();

        expect(child >= 0, "fork: error %d", errno);
        if (child == 0) {
            exit_beside_threads(i);
        }
        while (waitpid(child, &status, 0) < 0) {
        }
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "exit %zu: wait status %#x", i,
               status);
    }
}

__attribute__((destructor)) static void after_everything(void)
{
    struct random random = random_seeded(12, 0);

    for (int i = 0; i < 50; i++) {
        parcel_free(parcel_make(&random, server_size(&random)));
    }
}

int main(void)
{
    require_cairn_if_expected();
    struct idle before = idle_now();

    detached(test_scaled(DETACHED));
    cancelled(test_scaled(CANCELLED));
    expect_idle(before);
    exits(test_scaled(EXITS));
    return 0;
}
