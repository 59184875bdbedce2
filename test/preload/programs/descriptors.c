/* SPDX-License-Identifier: MIT */
/*
 * Programs count on the lowest free file descriptor, and close all those they do not know: the
 * allocator must hold none. Then it must live without /proc and with no descriptor to be had.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

static void *work(void *arg)
{
    churn(2, 5000, 50000);
    return arg;
}

int main(void)
{
    printf("lowest descriptor: %d\n", open("/dev/null", O_RDONLY));
    churn(1, 3000, 50000);
    printf("next: %d\n", open("/dev/null", O_RDONLY));
    close_range(3, ~0u, 0);
    churn(1, 3000, 50000);
    expect(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3}), "setrlimit");
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        expect(!pthread_create(&thread[i], NULL, work, NULL), "thread");
    for (int i = 0; i < 4; i++)
        expect(!pthread_join(thread[i], NULL), "join");
    churn(3, 300, 5000000);
    printf("with no descriptor left: %d\n", open("/dev/null", O_RDONLY));
    return 0;
}
