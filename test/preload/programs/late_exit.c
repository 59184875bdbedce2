/* SPDX-License-Identifier: MIT */
/*
 * Allocating and freeing after main: exit handlers (which register more of them), a destructor
 * function, a stdout whose own malloc'd buffer is flushed last, the key of the main thread, and
 * a detached thread that never stops allocating while the process leaves.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <pthread.h>
#include <unistd.h>

static void *from_main[200];
static int depth;

static void later(void)
{
    static void *kept;
    if (kept)
        check_and_free(kept, 5000, 7);
    kept = filled(5000, 7);
    printf("exit handler %d\n", depth);
    if (depth++ < 5)
        atexit(later);
}

static void with_argument(int code, void *arg)
{
    check_and_free(arg, 777, 9);
    printf("on_exit saw code %d\n", code);
}

static void free_from_main(void)
{
    for (unsigned i = 0; i < 200; i++)
        check_and_free(from_main[i], i * 90, i);
    churn(2, 2000, 20000);
    puts("blocks of main freed in an exit handler");
}

__attribute__((destructor)) static void last(void)
{
    churn(4, 2000, 300);
    puts("destructor function");
}

static void *without_end(void *started)
{
    *(volatile int *)started = 1;
    for (;;)
        churn(8, 1000, 2000);
    return started;
}

int main(void)
{
    setvbuf(stdout, got(malloc(16384)), _IOFBF, 16384);
    atexit(free_from_main);
    atexit(later);
    on_exit(with_argument, filled(777, 9));
    for (unsigned i = 0; i < 200; i++)
        from_main[i] = filled(i * 90, i);

    volatile int started = 0;
    pthread_t thread;
    expect(!pthread_create(&thread, NULL, without_end, (void *)&started), "thread");
    pthread_detach(thread);
    while (!started)
        usleep(1000);
    exit(42);
}
