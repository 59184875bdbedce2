/* SPDX-License-Identifier: MIT */
/*
 * 400 threads that come and go in waves of 20. Each frees the blocks that the wave before left,
 * leaves some for the wave after, and is otherwise busy; every fifth is detached, not joined.
 */

#include "pattern.h"

#include <pthread.h>
#include <semaphore.h>

enum { WAVES = 20, THREADS = 20, LEFT = 100 };

static void *left[2][THREADS][LEFT];
static sem_t detached_done;

struct task {
    unsigned wave, number;
};

static size_t size_of(unsigned wave, unsigned thread, unsigned i)
{
    return (wave * 131 + thread * 37 + i * i) % 9000;
}

static void *work(void *arg)
{
    struct task task = *(struct task *)arg;
    free(arg);
    unsigned other = (task.number + 7) % THREADS; /* another thread's heritage */
    for (unsigned i = 0; i < LEFT; i++) {
        if (task.wave > 0)
            check_and_free(left[(task.wave - 1) % 2][other][i], size_of(task.wave - 1, other, i),
                           other);
        left[task.wave % 2][task.number][i] = filled(size_of(task.wave, task.number, i),
                                                     task.number);
    }
    churn(task.number, 500, 4000);
    if (task.number % 5 == 0)
        sem_post(&detached_done);
    return NULL;
}

int main(void)
{
    sem_init(&detached_done, 0, 0);
    for (unsigned wave = 0; wave < WAVES; wave++) {
        pthread_t thread[THREADS];
        for (unsigned i = 0; i < THREADS; i++) {
            struct task *task = got(malloc(sizeof *task));
            *task = (struct task){wave, i};
            expect(!pthread_create(&thread[i], NULL, work, task), "thread");
            if (i % 5 == 0)
                pthread_detach(thread[i]);
        }
        for (unsigned i = 0; i < THREADS; i++)
            if (i % 5 == 0)
                sem_wait(&detached_done);
            else
                expect(!pthread_join(thread[i], NULL), "join");
    }
    unsigned long bytes = 0;
    for (unsigned thread = 0; thread < THREADS; thread++)
        for (unsigned i = 0; i < LEFT; i++) {
            bytes += size_of(WAVES - 1, thread, i);
            check_and_free(left[(WAVES - 1) % 2][thread][i], size_of(WAVES - 1, thread, i), thread);
        }
    printf("%d threads in %d waves, the last left %lu bytes\n", WAVES * THREADS, WAVES, bytes);
    return 0;
}
