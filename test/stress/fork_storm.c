/* SPDX-License-Identifier: MIT */
/*
 * Forks while eight threads allocate and free. The child inherits the heap in whatever state the
 * other threads had it; it verifies and frees blocks of the parent, allocates, starts a thread, and
 * forks again. It must end with code 0 within CHILD_SECONDS; so must its own child.
 *
 * Half of the forks come from the main thread, half from one of the churning threads.
 */
#include "stress/stress.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { CHURNERS = 8, FORKS = 100, SLOTS = 300, KEPT = 400, CHILD_SECONDS = 30 };

struct churner {
    struct random random;
    struct parcel *parcels[SLOTS];
    size_t forks_left;
};

static struct parcel *kept[KEPT];
static _Atomic bool is_over;

static void churn_once(struct churner *churner)
{
    size_t slot = random_below(&churner->random, SLOTS);

    parcel_free(churner->parcels[slot]);
    churner->parcels[slot] = parcel_make(&churner->random, server_size(&churner->random));
}

static void allocate_and_free(struct random *random, size_t count)
{
    enum { HELD_MAX = 200 };
    struct parcel *held[HELD_MAX];

    for (size_t i = 0; i < count; i++) {
        held[i] = parcel_make(random, server_size(random));
    }
    for (size_t i = 0; i < count; i++) {
        parcel_free(held[i]);
    }
}

static void *thread_in_child(void *argument)
{
    struct random random = random_seeded(5, (uintptr_t)argument);

    allocate_and_free(&random, 100);
    return NULL;
}

static void expect_good_end(pid_t child, const char *who)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0) {
        expect(errno == EINTR, "waitpid: error %d", errno);
    }
    expect(!WIFSIGNALED(status), "%s ended by signal %d%s", who, WTERMSIG(status),
           WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with code %d", who,
           WEXITSTATUS(status));
}

static void live_as_grandchild(struct random *random)
{
    alarm(CHILD_SECONDS);
    for (size_t i = 1; i < KEPT; i += 2) {
        parcel_free(kept[i]);
    }
    allocate_and_free(random, 100);
    thread_join(thread_start(thread_in_child, (void *)2));
    _exit(0);
}

/* What the churning threads held is lost to the child: nobody knows what they were about to do. */
static void live_as_child(struct random *random)
{
    alarm(CHILD_SECONDS);
    allocate_and_free(random, 200);
    for (size_t i = 0; i < KEPT; i += 2) {
        parcel_free(kept[i]);
        kept[i] = NULL;
    }
    thread_join(thread_start(thread_in_child, (void *)1));
    pid_t grandchild = fork();

    expect(grandchild >= 0, "the child's fork: error %d", errno);
    if (grandchild == 0) {
        live_as_grandchild(random);
    }
    for (size_t i = 1; i < KEPT; i += 2) {
        kept[i] = realloc(kept[i], sizeof *kept[i] + kept[i]->size + 10000);
        expect(kept[i] != NULL, "no memory in the child");
        parcel_free(kept[i]);
    }
    allocate_and_free(random, 200);
    expect_good_end(grandchild, "the grandchild");
    _exit(0);
}

static void fork_once(struct random *random)
{
    pid_t child = fork();

    expect(child >= 0, "fork: error %d", errno);
    if (child == 0) {
        live_as_child(random);
    }
    allocate_and_free(random, 50);
    expect_good_end(child, "the child");
}

static void *churn(void *argument)
{
    struct churner *churner = argument;

    while (!is_over || churner->forks_left > 0) {
        for (int i = 0; i < 50; i++) {
            churn_once(churner);
        }
        if (churner->forks_left > 0) {
            churner->forks_left--;
            fork_once(&churner->random);
        }
    }
    return NULL;
}

int main(void)
{
    static struct churner churners[CHURNERS];
    pthread_t threads[CHURNERS];
    struct random random = random_seeded(6, 0);
    size_t forks = test_scaled(FORKS);

    require_cairn_if_expected();
    struct idle before = idle_now();

    for (size_t i = 0; i < KEPT; i++) {
        kept[i] = parcel_make(&random, server_size(&random));
    }
    for (size_t i = 0; i < CHURNERS; i++) {
        churners[i].random = random_seeded(7, i);
        churners[i].forks_left = i == 0 ? forks / 2 : 0;
        threads[i] = thread_start(churn, &churners[i]);
    }
    for (size_t i = 0; i < forks - forks / 2; i++) {
        fork_once(&random);
    }
    is_over = true;
    for (size_t i = 0; i < CHURNERS; i++) {
        thread_join(threads[i]);
        for (size_t slot = 0; slot < SLOTS; slot++) {
            parcel_free(churners[i].parcels[slot]);
        }
    }
    for (size_t i = 0; i < KEPT; i++) {
        parcel_free(kept[i]);
    }
    expect_idle(before);
    return 0;
}
