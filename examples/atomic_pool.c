/* SPDX-License-Identifier: MIT */
/*
 * Messages between threads without a lock: the sender takes a message from a pool, the receiver
 * gives it back. The pool is of a fixed size, so it also bounds what is under way.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cairn/atomic_pool.h>

enum { MESSAGES = 100000, POOL = 64, SENDERS = 2 };

struct message {
    struct message *next;
    unsigned value;
};

static cairn_atomic_pool *pool;
static _Atomic(struct message *) inbox; /* a stack: senders push, the receiver takes all */

static void *send(void *unused)
{
    for (unsigned i = 1; i <= MESSAGES; i++) {
        struct message *message;
        while ((message = cairn_atomic_pool_alloc(pool)) == NULL)
            sched_yield(); /* all are under way */
        message->value = i;
        message->next = atomic_load(&inbox);
        while (!atomic_compare_exchange_weak(&inbox, &message->next, message)) {
        }
    }
    return unused;
}

int main(void)
{
    cairn_atomic_pool_opts opts = {.first_blocks = POOL, .max_blocks = POOL};
    pool = cairn_atomic_pool_create(cairn_layout_of(struct message), &opts);
    if (pool == NULL)
        return 1;
    pthread_t senders[SENDERS];
    for (int i = 0; i < SENDERS; i++)
        if (pthread_create(&senders[i], NULL, send, NULL) != 0)
            return 1;

    unsigned long long sum = 0;
    for (unsigned received = 0; received < SENDERS * MESSAGES;) {
        struct message *message = atomic_exchange(&inbox, NULL);
        if (message == NULL)
            sched_yield();
        while (message != NULL) {
            struct message *next = message->next;
            sum += message->value;
            received++;
            cairn_atomic_pool_dealloc(pool, message);
            message = next;
        }
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);

    cairn_atomic_pool_stats stats = cairn_atomic_pool_stats_get(pool);
    printf("%d messages, sum %llu, through %zu blocks, %zu free at the end\n", SENDERS * MESSAGES,
           sum, stats.blocks, stats.free);
    void *twice = cairn_atomic_pool_alloc(pool);
    printf("freed: %s, ", cairn_atomic_pool_dealloc(pool, twice) ? "yes" : "no");
    printf("freed twice: %s\n", cairn_atomic_pool_dealloc(pool, twice) ? "yes" : "no");
    cairn_atomic_pool_destroy(pool);
    return 0;
}
