/* SPDX-License-Identifier: MIT */
/* A thread that does what it is told, step by step: it is known what each heap has done. */
#ifndef TEST_UNIT_WORKER_H
#define TEST_UNIT_WORKER_H

#include <pthread.h>

#include "unit/unit.h"

struct worker {
    pthread_t thread;
    pthread_barrier_t begin;
    pthread_barrier_t end;
    void (*task)(void *argument); /* NULL: the end */
    void *argument;
};

static inline void *worker_loop(void *self)
{
    struct worker *worker = self;
    for (;;) {
        pthread_barrier_wait(&worker->begin);
        if (worker->task == NULL)
            return NULL;
        worker->task(worker->argument);
        pthread_barrier_wait(&worker->end);
    }
}

static inline void worker_start(struct worker *worker)
{
    pthread_barrier_init(&worker->begin, NULL, 2);
    pthread_barrier_init(&worker->end, NULL, 2);
    REQUIRE(pthread_create(&worker->thread, NULL, worker_loop, worker) == 0);
}

/* The worker does the task; returns when it has. */
static inline void worker_do(struct worker *worker, void (*task)(void *argument), void *argument)
{
    worker->task = task;
    worker->argument = argument;
    pthread_barrier_wait(&worker->begin);
    pthread_barrier_wait(&worker->end);
}

/* The thread ends, its destructors included. */
static inline void worker_end(struct worker *worker)
{
    worker->task = NULL;
    pthread_barrier_wait(&worker->begin);
    pthread_join(worker->thread, NULL);
}

#endif
