/* SPDX-License-Identifier: MIT */
/*
 * queues PRODUCERS STAGES CONSUMERS: blocks made by some threads and freed by others, so that every
 * free is remote. A stage between them receives a block, resizes it and hands it on. At the end the
 * number and the bytes of what was made and what was freed must agree, and no memory may be missing.
 */
#include "stress/stress.h"

#include "stress/queue.h"

#include <stdatomic.h>

enum { PARCELS = 100000, THREADS_MAX = 16 };

static struct queue first_queue = QUEUE_INITIALIZER;
static struct queue second_queue = QUEUE_INITIALIZER;
static _Atomic size_t made, freed, made_bytes, freed_bytes;
static size_t share; /* parcels per producer */

static void *produce(void *argument)
{
    struct random random = random_seeded(2, (uintptr_t)argument);

    for (size_t i = 0; i < share; i++) {
        struct parcel *parcel = parcel_make(&random, server_size(&random));

        made_bytes += parcel->size;
        made++;
        queue_push(&first_queue, parcel);
    }
    return NULL;
}

/* A block that was allocated elsewhere is resized here; its contents must come along. */
static void *resize(void *argument)
{
    struct random random = random_seeded(3, (uintptr_t)argument);
    struct parcel *parcel;

    while ((parcel = queue_pop(&first_queue)) != NULL) {
        size_t size = parcel->size;
        size_t to = size + random_below(&random, size + 64);

        parcel = realloc(parcel, sizeof *parcel + to);
        expect(parcel != NULL, "no memory for %zu bytes", to);
        parcel_check(parcel);
        made_bytes += to - size;
        parcel_seal(parcel, to, random_next(&random));
        queue_push(&second_queue, parcel);
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct queue *queue = argument;
    struct parcel *parcel;

    while ((parcel = queue_pop(queue)) != NULL) {
        freed_bytes += parcel->size;
        freed++;
        parcel_free(parcel);
    }
    return NULL;
}

static size_t start_all(pthread_t *threads, size_t count, void *(*body)(void *), void *argument)
{
    for (size_t i = 0; i < count; i++) {
        threads[i] = thread_start(body, argument != NULL ? argument : (void *)i);
    }
    return count;
}

/* Each NULL ends one of the threads that read the queue. */
static void end_all(pthread_t *threads, size_t count, struct queue *queue)
{
    for (size_t i = 0; i < count && queue != NULL; i++) {
        queue_push(queue, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        thread_join(threads[i]);
    }
}

int main(int count, char **arguments)
{
    pthread_t producers[THREADS_MAX], stages[THREADS_MAX], consumers[THREADS_MAX];
    size_t counts[3] = {1, 0, 1};

    require_cairn_if_expected();
    for (int i = 1; i < count && i <= 3; i++) {
        counts[i - 1] = strtoul(arguments[i], NULL, 10);
        expect(counts[i - 1] <= THREADS_MAX, "at most %d threads of a kind", THREADS_MAX);
    }
    share = test_scaled(PARCELS) / counts[0];
    struct idle before = idle_now();
    struct queue *last_queue = counts[1] > 0 ? &second_queue : &first_queue;

    start_all(consumers, counts[2], consume, last_queue);
    start_all(stages, counts[1], resize, NULL);
    start_all(producers, counts[0], produce, NULL);
    end_all(producers, counts[0], NULL);
    end_all(stages, counts[1], &first_queue);
    end_all(consumers, counts[2], last_queue);

    expect(made == freed, "%zu made, %zu freed", made, freed);
    expect(made_bytes == freed_bytes, "%zu bytes made, %zu freed", made_bytes, freed_bytes);
    expect(made == share * counts[0], "%zu made of %zu", made, share * counts[0]);
    expect_idle(before);
    return 0;
}
