/* SPDX-License-Identifier: MIT */
/*
 * crowd THREADS: so many threads live at the same time, each with a few small blocks. What a thread
 * costs beyond its stack is what is resident after all have allocated, less what was resident when
 * all were there and had not; the blocks themselves are part of it. Then the blocks are looked at and
 * freed, the threads leave, and no block may be lost.
 */
#include "reliability/reliability.h"

#include <semaphore.h>

enum {
    BLOCKS = 20,
    SMALLEST = 16,
    LARGEST = 400,
    STACK = 64 << 10,
    COST_MAX = 14 << 10, /* bytes for each thread, of which about 4,500 are the blocks */
    THREADS_MAX = 20000,
};

static sem_t ready, go[3];

static void wait_for_all(sem_t *semaphore, size_t count)
{
    while (count > 0) {
        count -= sem_wait(semaphore) == 0;
    }
}

static void *live(void *argument)
{
    struct random random = random_seeded(81, (uintptr_t)argument);
    struct parcel *parcels[BLOCKS];

    sem_post(&ready);
    wait_for_all(&go[0], 1);
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = random_between(&random, SMALLEST, LARGEST);
        parcels[i] = malloc(sizeof *parcels[i] + size);
        expect(parcels[i] != NULL, "no memory");
        parcel_seal(parcels[i], size, random_next(&random));
    }
    sem_post(&ready);
    wait_for_all(&go[1], 1);
    for (size_t i = 0; i < BLOCKS; i++) {
        parcel_free(parcels[i]);
    }
    sem_post(&ready);
    wait_for_all(&go[2], 1);
    return NULL;
}

/* Lets all do their next step, and waits until they did. */
static void step(size_t number, size_t threads)
{
    for (size_t i = 0; i < threads; i++) {
        sem_post(&go[number]);
    }
    if (number < 2) {
        wait_for_all(&ready, threads);
    }
}

int main(int count, char **arguments)
{
    static pthread_t threads[THREADS_MAX];
    size_t wanted = count > 1 ? strtoul(arguments[1], NULL, 10) : 2000, started = 0;
    pthread_attr_t attributes;

    require_cairn_if_expected();
    expect(wanted <= THREADS_MAX, "at most %d threads", THREADS_MAX);
    sem_init(&ready, 0, 0);
    for (int i = 0; i < 3; i++) {
        sem_init(&go[i], 0, 0);
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    struct idle before = idle_now();
    while (started < wanted &&
           pthread_create(&threads[started], &attributes, live, (void *)started) == 0) {
        started++;
    }
    wait_for_all(&ready, started);
    size_t bare = resident_bytes();
    step(0, started);
    size_t full = resident_bytes();
    size_t cost = full > bare && started > 0 ? (full - bare) / started : 0;
    step(1, started);
    step(2, started);
    for (size_t i = 0; i < started; i++) {
        thread_join(threads[i]);
    }
    struct idle after = idle_now();
    printf(
        "%zu threads with %d blocks: %zu bytes for each, beyond %zu of stack; when they are gone, "
        "%zu\n",
        started, BLOCKS, cost, (bare - before.resident) / (started | 1),
        (after.resident - before.resident) / (started | 1));
    fflush(stdout);
    if (started < wanted) {
        skip("the machine allows %zu threads only", started);
    }
    expect(cost <= COST_MAX, "%zu bytes for each thread", cost);
    expect(after.in_use <= before.in_use + IDLE_IN_USE_MAX, "in use: %zu, then %zu", before.in_use,
           after.in_use);
    return 0;
}
