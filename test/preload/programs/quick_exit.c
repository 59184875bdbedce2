/* SPDX-License-Identifier: MIT */
/*
 * The other ways out: quick_exit with its handlers, _exit, abort, and being killed, each in a
 * child that has busy threads.
 */

#include "pattern.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *busy(void *arg)
{
    for (;;)
        churn(1, 1000, 3000);
    return arg;
}

static void quick_handler(void)
{
    churn(2, 1000, 9000);
    puts("quick_exit handler");
    fflush(stdout);
}

static void leave(int way)
{
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        expect(!pthread_create(&thread, NULL, busy, NULL), "thread");
    at_quick_exit(quick_handler);
    churn(3, 2000, 9000);
    switch (way) {
    case 0:
        quick_exit(3);
    case 1:
        _exit(4);
    case 2:
        abort();
    case 3:
        raise(SIGKILL);
        break;
    case 4:
        pthread_kill(thread, SIGTERM);
        pause();
    }
    exit(1);
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    for (int way = 0; way < 5; way++) {
        pid_t child = fork();
        if (child == 0)
            leave(way);
        int state;
        expect(waitpid(child, &state, 0) == child, "waitpid");
        printf("way %d: exit code %d, signal %d\n", way, WEXITSTATUS(state),
               WIFSIGNALED(state) ? WTERMSIG(state) : 0);
        fflush(stdout);
    }
    return 0;
}
