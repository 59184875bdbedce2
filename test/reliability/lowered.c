/* SPDX-License-Identifier: MIT */
/*
 * lowered self|outside as|data: a limit comes down on a program that runs, to less than it has
 * mapped; it sets the limit itself, or its parent does (prlimit). What was allocated stays as it is, what is
 * freed can be had again, and beyond that malloc says NULL and ENOMEM. When the limit goes up again,
 * so does what can be had.
 */
#include "reliability/reliability.h"

enum { BLOCKS = 4000, SIZE = 20000, MORE_MAX = 20000, SECONDS = 60 };

#define MIB ((size_t)1 << 20)

static void *blocks[BLOCKS];
static void *more[MORE_MAX];
static int which;
static bool by_parent;
static int ask[2], answer[2]; /* pipes to the parent and back */

static void set_limit(size_t limit)
{
    char byte;

    if (!by_parent) {
        limit_set(which, limit);
        return;
    }
    expect(write(ask[1], &limit, sizeof limit) == sizeof limit, "nobody listens");
    expect(read(answer[0], &byte, 1) == 1, "nobody answers");
}

static size_t take(size_t count, uint64_t key)
{
    size_t taken = 0;

    while (taken < count && (more[taken] = block_try(SIZE, key + taken)) != NULL) {
        taken++;
    }
    return taken;
}

static void give(size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++) {
        block_free(more[i], SIZE, key + i);
    }
}

static void live_under_limits(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = block_try(SIZE, i);
    }
    set_limit(16 * MIB);
    for (size_t i = 0; i < BLOCKS; i += 2) {
        block_free(blocks[i], SIZE, i);
        blocks[i] = NULL;
    }
    size_t taken = take(MORE_MAX, 1);
    fprintf(stderr, "of %d freed: %zu taken again\n", BLOCKS / 2, taken);
    expect(taken >= BLOCKS / 2 * 95 / 100, "of %d freed, %zu can be had again", BLOCKS / 2, taken);
    expect(taken < MORE_MAX, "the limit does not bind");
    give(taken, 1);
    expect(malloc((size_t)64 << 20) == NULL && errno == ENOMEM, "64 MiB of 16");

    set_limit(virtual_bytes() + 512 * MIB);
    taken = take(MORE_MAX, 2);
    expect(taken >= MORE_MAX * 3 / 4, "%zu of %d after the limit went up", taken, MORE_MAX);
    give(taken, 2);
    for (size_t i = 1; i < BLOCKS; i += 2) {
        block_free(blocks[i], SIZE, i);
    }
}

static void set_for_child(pid_t child)
{
    size_t limit;

    while (read(ask[0], &limit, sizeof limit) == sizeof limit) {
        struct rlimit value = {limit, RLIM_INFINITY};
        expect(prlimit(child, (__rlimit_resource_t)which, &value, NULL) == 0, "prlimit: errno %d",
               errno);
        expect(write(answer[1], "", 1) == 1, "nobody waits");
    }
}

int main(int count, char **arguments)
{
    int status;

    expect(count == 3, "usage: lowered self|outside as|data");
    require_cairn_if_expected();
    by_parent = strcmp(arguments[1], "outside") == 0;
    which = strcmp(arguments[2], "data") == 0 ? RLIMIT_DATA : RLIMIT_AS;
    expect(pipe(ask) == 0 && pipe(answer) == 0, "no pipe");
    pid_t child = fork();
    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        alarm(SECONDS);
        live_under_limits();
        _exit(0);
    }
    close(ask[1]);
    set_for_child(child);
    expect(waitpid(child, &status, 0) == child, "waitpid: errno %d", errno);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x", status);
    return 0;
}
