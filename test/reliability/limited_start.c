/* SPDX-License-Identifier: MIT */
/*
 * A small program starts, allocates in two threads, and ends well, however little it is allowed: an
 * address space (RLIMIT_AS) from 8 MiB to 1 TiB, in steps of the square root of 2; private writable
 * memory (RLIMIT_DATA) from 8 MiB; and no more file descriptors than the loader needs. Below 12 MiB
 * of address space the second thread may be refused memory.
 */
#include "reliability/reliability.h"

enum { BLOCKS = 500, SECONDS = 30 };

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* A true *must asks for all blocks. */
static void *work(void *must)
{
    void *blocks[BLOCKS];

    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = block_try(i * 3, i);
        expect(blocks[i] != NULL || !*(bool *)must, "no memory for %zu bytes", i * 3);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        block_free(blocks[i], i * 3, i);
    }
    return NULL;
}

static int be_limited(void)
{
    bool must = true;
    pthread_t thread;
    struct rlimit limit;
    pthread_attr_t attributes;

    alarm(SECONDS);
    require_cairn_if_expected();
    work(&must);
    getrlimit(RLIMIT_AS, &limit);
    must = limit.rlim_cur >= 12 * MIB;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 * KIB);
    expect(pthread_create(&thread, &attributes, work, &must) == 0, "no thread");
    thread_join(thread);
    return 0;
}

static void start_under(const char *name, int which, size_t limit)
{
    int status;
    pid_t child = fork();

    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        limit_set(which, limit);
        execl("/proc/self/exe", "limited_start", "limited", (char *)NULL);
        _exit(126);
    }
    expect(waitpid(child, &status, 0) == child, "waitpid: errno %d", errno);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s of %zu: wait status %#x", name, limit,
           status);
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count == 2) {
        return be_limited();
    }
    require_cairn_if_expected();
    for (size_t limit = 8 * MIB; limit <= MIB * MIB; limit *= 2) {
        start_under("RLIMIT_AS", RLIMIT_AS, limit);
        start_under("RLIMIT_AS", RLIMIT_AS, limit / 5 * 7 / 4096 * 4096);
    }
    for (size_t limit = 8 * MIB; limit <= 4096 * MIB; limit *= 2) {
        start_under("RLIMIT_DATA", RLIMIT_DATA, limit);
    }
    int lowest = dup(STDOUT_FILENO); /* the one that the loader opens each library with */
    close(lowest);
    start_under("RLIMIT_NOFILE", RLIMIT_NOFILE, (size_t)lowest + 1);
    return 0;
}
