/* SPDX-License-Identifier: MIT */
/* See unit.h. */
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MAX = 120 };

/* For the sanitizers. A child ends by _exit: a race must be told at once. Sizes that cannot be had
 * are answered with NULL, as malloc does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:abort_on_error=1";
}

const char *__tsan_default_options(void)
{
    return "halt_on_error=1:die_after_fork=0:allocator_may_return_null=1";
}

void unit_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    abort();
}

static void (*running)(void);

static void run(void **state)
{
    (void)state;
    running();
}

/* In the child: the test alone. What it says is heard only if it fails. */
static _Noreturn void be_test(const char *name, void (*body)(void), int complaints)
{
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(complaints, STDERR_FILENO);
    alarm(SECONDS_MAX);
    running = body;
    const struct CMUnitTest test[] = {{name, run, NULL, NULL, NULL}};
    _exit(cmocka_run_group_tests_name(name, test, NULL, NULL));
}

static void read_all(int file, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(file, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
}

void unit_run(const char *name, void (*body)(void), const char *last_words)
{
    static char said[1 << 16];
    int ends[2];
    if (pipe(ends) != 0)
        fail_msg("pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        be_test(name, body, ends[1]);
    if (child < 0)
        fail_msg("fork");
    close(ends[1]);
    read_all(ends[0], said, sizeof said);
    close(ends[0]);
    int status;
    if (waitpid(child, &status, 0) != child)
        fail_msg("waitpid");
    if (last_words != NULL) {
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("did not abort, but said: %s", said);
        if (strstr(said, last_words) == NULL)
            fail_msg("aborted, but said: %s", said);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    fputs(said, stderr);
    if (WIFSIGNALED(status))
        fail_msg("%s: killed by %s", name, strsignal(WTERMSIG(status)));
    fail_msg("%s: exit code %d", name, WEXITSTATUS(status));
}

/* ---- contents ---- */

void unit_fill(void *block, size_t size, uint64_t key)
{
    unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(key * 0x9E37u >> 3 ^ i * 7 ^ i >> 8);
}

bool unit_is_filled(const void *block, size_t size, uint64_t key)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)(key * 0x9E37u >> 3 ^ i * 7 ^ i >> 8))
            return false;
    return true;
}

bool unit_is_zero(const void *block, size_t size)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}
