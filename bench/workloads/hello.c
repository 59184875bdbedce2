/* SPDX-License-Identifier: MIT */
/*
 * Short programs: this one starts itself many times, one after the other; each child allocates a few
 * blocks, as a small command does, and ends. It is the cost of loading and setting up an allocator,
 * and peak RSS is that of the largest child, which hardly uses any memory of its own.
 */
#include "workload.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

enum { STARTS, BLOCKS, PARAMETERS };
static struct parameter parameters[] = {
    [STARTS] = {"starts", 1000, 120, 4},
    [BLOCKS] = {"blocks", 20, 20, 20},
};

extern char **environ;

static int be_short(void)
{
    void *blocks[20];

    for (size_t i = 0; i < 20; i++)
        blocks[i] = block_new(20 + 20 * i, i);
    for (size_t i = 0; i < 20; i++)
        block_end(blocks[i], 20 + 20 * i, i);
    return 0;
}

static void start(char *name)
{
    char child[] = "--child", self[] = "/proc/self/exe";
    char *argv[] = {name, child, NULL};
    int status;
    pid_t pid;

    if (posix_spawn(&pid, self, NULL, NULL, argv, environ) != 0)
        workload_fail("cannot start itself");
    if (waitpid(pid, &status, 0) != pid || status != 0)
        workload_fail("a child failed");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        return be_short();
    workload_start(argc, argv, "a short program, started many times", parameters, PARAMETERS);
    uint64_t begin = clock_now();
    for (unsigned long i = 0; i < parameters[STARTS].value; i++)
        start(argv[0]);
    printf("start_us=%.1f\n",
           (double)(clock_now() - begin) / 1e3 / (double)parameters[STARTS].value);
    return 0;
}
