/* SPDX-License-Identifier: MIT */
/*
 * thread_exit exit: a thread calls exit while main waits and others are busy.
 * thread_exit main: main leaves by pthread_exit; the last thread ends the process.
 */

#include "pattern.h"

#include <pthread.h>
#include <unistd.h>

static pthread_t main_thread;

static void *busy(void *arg)
{
    for (;;)
        churn(1, 500, 5000);
    return arg;
}

static void at_end(void)
{
    churn(2, 1000, 5000);
    puts("exit handler");
}

static void *call_exit(void *block)
{
    check_and_free(block, 3000, 4);
    usleep(20000);
    exit(33);
}

static void *be_last(void *block)
{
    expect(!pthread_join(main_thread, NULL), "join of main");
    check_and_free(block, 3000, 4);
    churn(3, 1000, 5000);
    puts("the last thread");
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    atexit(at_end);
    main_thread = pthread_self();
    void *block = filled(3000, 4);
    if (argc > 1 && !strcmp(argv[1], "main")) {
        expect(!pthread_create(&thread, NULL, be_last, block), "thread");
        pthread_exit(NULL);
    }
    for (int i = 0; i < 3; i++)
        expect(!pthread_create(&thread, NULL, busy, NULL), "thread");
    expect(!pthread_create(&thread, NULL, call_exit, block), "thread");
    pthread_join(thread, NULL);
    return 1;
}
