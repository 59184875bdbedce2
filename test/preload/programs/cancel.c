/* SPDX-License-Identifier: MIT */
/*
 * Threads that allocate are cancelled where they may be: between two operations, in a wait, in a
 * read. Their cleanup handlers free and allocate, and so do the destructors of their keys.
 */

#include "pattern.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

enum { THREADS = 120 };

static pthread_key_t key;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t ready;
static int pipe_without_data[2], cleaned, destroyed;

static void clean_up(void *block)
{
    check_and_free(block, 4000, 1);
    churn(2, 100, 2000);
    __atomic_add_fetch(&cleaned, 1, __ATOMIC_RELAXED);
}

static void unlock(void *arg)
{
    (void)arg;
    pthread_mutex_unlock(&mutex);
}

static void destroy(void *block)
{
    check_and_free(block, 500, 3);
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
}

static void *work(void *kind)
{
    pthread_setspecific(key, filled(500, 3));
    pthread_cleanup_push(clean_up, filled(4000, 1));
    sem_post(&ready);
    switch ((uintptr_t)kind) {
    case 0:
        for (;; pthread_testcancel())
            churn(5, 10, 30000);
    case 1:
        pthread_mutex_lock(&mutex);
        pthread_cleanup_push(unlock, NULL);
        for (;;)
            pthread_cond_wait(&never, &mutex);
        pthread_cleanup_pop(1);
        break;
    case 2:
        for (char byte;;)
            expect(read(pipe_without_data[0], &byte, 1) < 0, "read");
    }
    pthread_cleanup_pop(1);
    return NULL;
}

int main(void)
{
    expect(!pthread_key_create(&key, destroy) && !pipe(pipe_without_data), "key or pipe");
    sem_init(&ready, 0, 0);
    int cancelled = 0;
    for (int wave = 0; wave < THREADS / 6; wave++) {
        pthread_t thread[6];
        for (uintptr_t i = 0; i < 6; i++)
            expect(!pthread_create(&thread[i], NULL, work, (void *)(i % 3)), "thread");
        for (int i = 0; i < 6; i++)
            sem_wait(&ready);
        for (int i = 0; i < 6; i++)
            expect(!pthread_cancel(thread[i]), "cancel");
        for (int i = 0; i < 6; i++) {
            void *result;
            expect(!pthread_join(thread[i], &result), "join");
            cancelled += result == PTHREAD_CANCELED;
        }
    }
    printf("%d cancelled, %d cleaned up, %d keys destroyed\n", cancelled, cleaned, destroyed);
    return 0;
}
