/* SPDX-License-Identifier: MIT */
/*
 * A server that changes its threads, after Larson and Krishnan (1998): each thread replaces blocks
 * in an array at random, then starts its successor, hands it the array and ends. So most blocks are
 * freed by a thread that did not allocate them, and often after the one that did is gone.
 */
#include "stress/stress.h"

#include <semaphore.h>

enum { LINES = 4, BLOCKS = 1000, GENERATIONS = 25, REPLACED = 6000 };

struct line {
    struct parcel *parcels[BLOCKS];
    struct random random;
    size_t generations_left;
    sem_t *done;
};

static void *serve(void *argument)
{
    struct line *line = argument;

    for (int i = 0; i < REPLACED; i++) {
        size_t slot = random_below(&line->random, BLOCKS);

        parcel_free(line->parcels[slot]);
        line->parcels[slot] = parcel_make(&line->random, server_size(&line->random));
    }
    if (--line->generations_left > 0) {
        pthread_detach(thread_start(serve, line));
    } else {
        sem_post(line->done);
    }
    return NULL;
}

int main(void)
{
    static struct line lines[LINES];
    sem_t done;

    require_cairn_if_expected();
    struct idle before = idle_now();

    sem_init(&done, 0, 0);
    for (size_t i = 0; i < LINES; i++) {
        lines[i].random = random_seeded(1, i);
        lines[i].generations_left = test_scaled(GENERATIONS);
        lines[i].done = &done;
        pthread_detach(thread_start(serve, &lines[i]));
    }
    for (size_t i = 0; i < LINES; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    for (size_t i = 0; i < LINES; i++) {
        for (size_t slot = 0; slot < BLOCKS; slot++) {
            parcel_free(lines[i].parcels[slot]);
        }
    }
    expect_idle(before);
    return 0;
}
