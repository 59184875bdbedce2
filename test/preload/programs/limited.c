/* SPDX-License-Identifier: MIT */
/*
 * limited MEGABYTES PROGRAM ARGUMENT...: runs a program that has that much address space
 * (RLIMIT_AS) from its first instruction on, so that large reservations fail.
 */

#include "pattern.h"

#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    expect(argc > 2, "usage: limited MEGABYTES PROGRAM ARGUMENT...");
    rlim_t limit = strtoul(argv[1], NULL, 10) << 20;
    expect(!setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}), "setrlimit");
    execvp(argv[2], argv + 2);
    give_up("exec");
}
