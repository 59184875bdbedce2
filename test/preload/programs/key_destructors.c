/* SPDX-License-Identifier: MIT */
/*
 * Destructors of thread keys that allocate and set their key again, so that they are called in
 * every round there is (PTHREAD_DESTRUCTOR_ITERATIONS). 60 keys: from the 33rd on libc itself
 * allocates in pthread_setspecific. Keys made before and after the allocator's (if it has one)
 * are called before and after it: the last blocks are freed by a thread whose heap is gone.
 */

#include "pattern.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

enum { KEYS = 60, THREADS = 40 };

struct value {
    int key, round;
    void *block;
};

static pthread_key_t key[KEYS];
static atomic_int calls, in_round[PTHREAD_DESTRUCTOR_ITERATIONS];

static struct value *new_value(int i, int round)
{
    struct value *value = got(malloc(sizeof *value));
    *value = (struct value){i, round, filled((size_t)i * 100, (unsigned)i)};
    return value;
}

static void destroy(void *ptr)
{
    struct value *value = ptr;
    int i = value->key, round = value->round;
    check_and_free(value->block, (size_t)i * 100, (unsigned)i);
    free(value);
    calls++;
    in_round[round]++;
    churn((unsigned)i, 20, 3000);
    if (round + 1 < PTHREAD_DESTRUCTOR_ITERATIONS)
        pthread_setspecific(key[i], new_value(i, round + 1));
}

static void *work(void *arg)
{
    pthread_setspecific(key[0], arg);
    for (int i = 1; i < KEYS; i++)
        pthread_setspecific(key[i], new_value(i, 0));
    return NULL;
}

/* A thread that itself never allocates: the first to do so is its destructor. */
static void *idle(void *value)
{
    pthread_setspecific(key[0], value);
    return NULL;
}

int main(void)
{
    for (int i = 0; i < KEYS; i++)
        expect(!pthread_key_create(&key[i], destroy), "key");
    for (int wave = 0; wave < 4; wave++) {
        pthread_t thread[THREADS];
        for (int i = 0; i < THREADS; i++)
            expect(!pthread_create(&thread[i], NULL, i % 2 ? work : idle, new_value(0, 0)),
                   "thread");
        for (int i = 0; i < THREADS; i++)
            expect(!pthread_join(thread[i], NULL), "join");
    }
    printf("%d calls of destructors", calls);
    for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS; i++)
        printf(", %d in round %d", in_round[i], i);
    puts("");
    return 0;
}
