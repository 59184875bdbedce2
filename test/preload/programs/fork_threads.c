/* SPDX-License-Identifier: MIT */
/*
 * fork while other threads are in the middle of malloc and free. The child, which has only the
 * forking thread, must be able to allocate, free what the parent's threads allocated, make
 * threads of its own, fork again and exec. Forks come from main and from a thread.
 */

#include "pattern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUSY = 4, CHILDREN = 60 };

static atomic_bool stop;
static char *self;
static _Atomic(void *) handed; /* a block of 500 from some busy thread */

static void *busy(void *arg)
{
    unsigned state = (unsigned)(uintptr_t)arg;
    while (!stop) {
        churn(draw(&state, 100), 200, 6000);
        void *old = atomic_exchange(&handed, filled(500, 1));
        if (old)
            check_and_free(old, 500, 1);
    }
    return NULL;
}

static void *short_work(void *arg)
{
    churn(*(unsigned *)arg, 500, 20000);
    return arg;
}

static void be_child(int way);

static void be_grandparent(int way)
{
    pid_t child = fork();
    if (child == 0)
        be_child(way);
    int state;
    expect(waitpid(child, &state, 0) == child && state == way << 8, "child of a child");
}

static void be_child(int way)
{
    alarm(60);
    void *block = atomic_exchange(&handed, NULL);
    if (block)
        check_and_free(block, 500, 1);
    churn((unsigned)way, 500, 3000);
    if (way % 4 == 1) {
        pthread_t thread[3];
        unsigned seed[3] = {1, 2, 3};
        for (int i = 0; i < 3; i++)
            expect(!pthread_create(&thread[i], NULL, short_work, &seed[i]), "thread");
        for (int i = 0; i < 3; i++)
            expect(!pthread_join(thread[i], NULL), "join");
    } else if (way % 4 == 2) {
        execl(self, self, "again", (char *)NULL);
        give_up("exec");
    } else if (way % 4 == 3) {
        be_grandparent(way / 4 * 4);
    }
    if (way % 2)
        exit(way); /* with its handlers */
    _exit(way);
}

static void *fork_them(void *first)
{
    int *sum = got(calloc(1, sizeof *sum));
    for (int way = *(int *)first; way < CHILDREN; way += 2) {
        pid_t child = fork();
        if (child == 0)
            be_child(way);
        int state;
        expect(waitpid(child, &state, 0) == child, "waitpid");
        expect(WIFEXITED(state) && WEXITSTATUS(state) == (way % 4 == 2 ? 99 : way),
               "a child failed");
        *sum += WEXITSTATUS(state);
        churn((unsigned)way, 100, 3000);
    }
    return sum;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        churn(9, 500, 3000);
        return 99;
    }
    pthread_t thread[BUSY], forking;
    for (uintptr_t i = 0; i < BUSY; i++)
        expect(!pthread_create(&thread[i], NULL, busy, (void *)i), "thread");
    int even = 0, odd = 1;
    expect(!pthread_create(&forking, NULL, fork_them, &odd), "thread");
    int *sum = fork_them(&even);
    void *sum_of_odd;
    expect(!pthread_join(forking, &sum_of_odd), "join");
    stop = 1;
    for (int i = 0; i < BUSY; i++)
        expect(!pthread_join(thread[i], NULL), "join");
    printf("%d children, their exit codes add up to %d\n", CHILDREN, *sum + *(int *)sum_of_odd);
    free(sum);
    free(sum_of_odd);
    return 0;
}
