/* SPDX-License-Identifier: MIT */
/*
 * A check that may end its process, or that changes it for good, runs in a child. The child reports
 * by its exit code: 0, or what the body returned. It is given a limited time.
 */
#ifndef TEST_API_CHILD_H
#define TEST_API_CHILD_H

#include "api/check.h"

#include <signal.h>
#include <sys/wait.h>

enum { CHILD_SECONDS = 60 };

static inline int wait_for(pid_t child)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static inline void check_status(int status)
{
    check(!WIFSIGNALED(status), "the child died of signal %d", WTERMSIG(status));
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with code %d",
          WEXITSTATUS(status));
}

/* cmocka catches SIGSEGV and the like: not in the child. */
static inline void become_child(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        signal(numbers[i], SIG_DFL);
    }
    alarm(CHILD_SECONDS);
}

static inline void check_in_child(int (*body)(void *argument), void *argument)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        become_child();
        _exit(body(argument));
    }
    check_status(wait_for(child));
}

#endif
