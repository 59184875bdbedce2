/* SPDX-License-Identifier: MIT */
/* A child that does what is wrong: how it ends, and what it says on stderr. */
#ifndef TEST_MISUSE_CHILD_H
#define TEST_MISUSE_CHILD_H

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its status, as waitpid has it. commit may return: then it ends with code 0. */
static inline int child_run(void (*commit)(void), char *said, size_t size)
{
    int ends[2];
    if (pipe(ends) != 0)
        exit(2);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        commit();
        _exit(0);
    }
    close(ends[1]);
    /* A fuzzer's timer may interrupt either. */
    size_t length = 0;
    ssize_t more;
    while (length < size - 1 && ((more = read(ends[0], said + length, size - 1 - length)) > 0 ||
                                 (more < 0 && errno == EINTR)))
        length += more > 0 ? (size_t)more : 0;
    said[length] = '\0';
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

#endif
