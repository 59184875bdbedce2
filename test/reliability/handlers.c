/* SPDX-License-Identifier: MIT */
/*
 * Signal handlers that allocate and free, in threads that are not within malloc: blocked in a system
 * call, waiting for a signal, or computing; and the handler of a fault, on a stack of its own, after
 * an access to a page without rights and after a stack overflow. Other threads allocate meanwhile.
 * (A handler that interrupts malloc itself may not allocate: POSIX does not promise it either.)
 */
#include "reliability/reliability.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

enum {
    SIGNALS = 1500, /* to each thread, one after the other */
    FAULTS = 1000,
    OVERFLOWS = 50,
    KEPT = 40,
    BUSY = 2,
    ALTERNATIVE = 1 << 16, /* bytes of stack for handlers */
};

enum way { IN_READ, IN_SIGSUSPEND, COMPUTING, WAYS };

static atomic_bool stop;
static int never[2]; /* a pipe that nobody writes to */
static sem_t handled[WAYS];

/* ---- what handlers do ---- */

static _Thread_local struct {
    struct random random;
    void *blocks[KEPT];
    size_t sizes[KEPT];
    enum way way;
} own;

static void replace_some(void)
{
    for (int i = 0; i < 4; i++) {
        size_t at = random_below(&own.random, KEPT);
        block_free(own.blocks[at], own.sizes[at], at);
        own.sizes[at] = random_log_uniform(&own.random, 0,
                                           random_percent(&own.random, 3) ? 20 : 12);
        own.blocks[at] = block_try(own.sizes[at], at);
        expect(own.blocks[at] != NULL, "no memory in a handler");
    }
}

static void free_kept(void)
{
    for (size_t i = 0; i < KEPT; i++) {
        block_free(own.blocks[i], own.sizes[i], i);
        own.blocks[i] = NULL;
    }
}

static void on_signal(int number)
{
    int saved = errno;

    (void)number;
    replace_some();
    sem_post(&handled[own.way]);
    errno = saved;
}

/* ---- signals ---- */

/* Its first allocation is the handler's. */
static void *wait_somehow(void *argument)
{
    sigset_t none, usual;
    char byte;
    volatile size_t sum = 0;

    own.way = (enum way)(uintptr_t)argument;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGUSR1);
    sem_post(&handled[own.way]); /* ready */
    while (!stop) {
        switch (own.way) {
        case IN_READ:
            expect(read(never[0], &byte, 1) < 0 && errno == EINTR, "read");
            break;
        case IN_SIGSUSPEND:
            sigsuspend(&none);
            break;
        default:
            sum = sum * 3 + 1;
            break;
        }
    }
    pthread_sigmask(SIG_BLOCK, &usual, NULL); /* from here on this thread is within malloc */
    free_kept();
    return NULL;
}

static void *be_busy(void *argument)
{
    struct random random = random_seeded(51, (uintptr_t)argument);
    struct parcel *parcels[100] = {NULL};

    for (size_t i = 0; !stop; i = random_below(&random, 100)) {
        parcel_free(parcels[i]);
        parcels[i] = parcel_make(&random, server_size(&random));
    }
    for (size_t i = 0; i < 100; i++) {
        parcel_free(parcels[i]);
    }
    return NULL;
}

static void await(enum way way)
{
    while (sem_wait(&handled[way]) != 0) {
    }
}

static void signals(size_t count)
{
    pthread_t waiting[WAYS], busy[BUSY];

    expect(pipe(never) == 0, "no pipe");
    for (uintptr_t i = 0; i < BUSY; i++) {
        busy[i] = thread_start(be_busy, (void *)i);
    }
    for (uintptr_t way = 0; way < WAYS; way++) {
        sem_init(&handled[way], 0, 0);
        waiting[way] = thread_start(wait_somehow, (void *)way);
        await((enum way)way);
    }
    for (size_t i = 0; i < count + 1; i++) {
        stop = i == count; /* the last signal is for leaving */
        for (unsigned way = 0; way < WAYS; way++) {
            pthread_kill(waiting[way], SIGUSR1);
        }
        for (unsigned way = 0; way < WAYS && !stop; way++) {
            await((enum way)way);
        }
    }
    for (unsigned way = 0; way < WAYS; way++) {
        /* The last may have come between the look at `stop` and the wait. */
        while (pthread_tryjoin_np(waiting[way], NULL) != 0) {
            pthread_kill(waiting[way], SIGUSR1);
            usleep(1000);
        }
    }
    for (size_t i = 0; i < BUSY; i++) {
        thread_join(busy[i]);
    }
}

/* ---- faults ---- */

static _Thread_local sigjmp_buf back;
static _Thread_local char *forbidden;
static _Thread_local size_t page;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    replace_some();
    if (info->si_addr == forbidden) {
        expect(mprotect(forbidden, page, PROT_READ | PROT_WRITE) == 0, "mprotect");
    } else {
        siglongjmp(back, 1);
    }
}

__attribute__((noinline)) static int overflow(volatile char *above, size_t depth)
{
    volatile char frame[4096];

    frame[0] = above[0];
    return depth == 0 ? 0 : overflow(frame, depth - 1) + frame[0];
}

static void *make_faults(void *argument)
{
    size_t scale = *(size_t *)argument;
    stack_t stack = {.ss_sp = table_make(ALTERNATIVE), .ss_size = ALTERNATIVE};
    volatile char start = 0;

    expect(sigaltstack(&stack, NULL) == 0, "sigaltstack");
    page = (size_t)sysconf(_SC_PAGESIZE);
    forbidden = table_make(page);
    for (size_t i = 0; i < scale; i++) {
        expect(mprotect(forbidden, page, PROT_NONE) == 0, "mprotect");
        *(volatile char *)forbidden = 1;
        replace_some();
    }
    for (volatile size_t i = 0; i < OVERFLOWS; i++) {
        if (sigsetjmp(back, 1) == 0) {
            overflow(&start, SIZE_MAX);
        }
        replace_some();
    }
    free_kept();
    return NULL;
}

static void faults(size_t count)
{
    pthread_t threads[BUSY];

    for (size_t i = 0; i < BUSY; i++) {
        threads[i] = thread_start(make_faults, &count);
    }
    for (size_t i = 0; i < BUSY; i++) {
        thread_join(threads[i]);
    }
}

int main(void)
{
    struct sigaction on_fault_action = {.sa_sigaction = on_fault,
                                        .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction on_signal_action = {.sa_handler = on_signal};

    require_cairn_if_expected();
    expect(sigaction(SIGSEGV, &on_fault_action, NULL) == 0, "sigaction");
    expect(sigaction(SIGUSR1, &on_signal_action, NULL) == 0, "sigaction");
    struct idle before = idle_now();
    signals(test_scaled(SIGNALS));
    faults(test_scaled(FAULTS));
    expect_idle(before);
    return 0;
}
