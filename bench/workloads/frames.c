/* SPDX-License-Identifier: MIT */
/*
 * A game's frames: in each, a burst of short-lived blocks (events, draw lists, paths) that all go at
 * its end, beside entities that live for many frames, and now and then a level's worth of larger
 * assets that is replaced at once. What counts is not the mean but the worst frame: a stutter is
 * seen. Frames are timed one by one; a frame's work apart from allocation is small.
 */
#include "histogram.h"
#include "workload.h"

#include <stdio.h>

enum { FRAMES, BURST, ENTITIES, PARAMETERS };
static struct parameter parameters[] = {
    [FRAMES] = {"frames", 7000, 900, 20},
    [BURST] = {"burst", 3000, 3000, 100},
    [ENTITIES] = {"entities", 20000, 10000, 100},
};

enum { ASSETS = 64, LEVEL_FRAMES = 200, MOST_BURST = 1 << 16 };

struct slot {
    void *block;
    size_t size;
};

static struct slot burst[MOST_BURST], assets[ASSETS], *entities;
static struct histogram times;

static void put(struct slot *slot, size_t size)
{
    if (slot->block)
        block_end(slot->block, slot->size, slot->size);
    slot->block = block_new(size, size);
    slot->size = size;
}

static void clear(struct slot *slot)
{
    if (slot->block)
        block_end(slot->block, slot->size, slot->size);
    *slot = (struct slot){0};
}

static void frame(struct random *random, unsigned long number)
{
    size_t count = parameters[BURST].value, half = count / 2;

    for (size_t i = 0; i < count; i++)
        put(&burst[i], random_size(random));
    for (size_t i = 0; i < parameters[ENTITIES].value / 200; i++) {
        struct slot *entity = &entities[random_below(random, parameters[ENTITIES].value)];
        put(entity, random_between(random, 100, 600));
    }
    if (number % LEVEL_FRAMES == LEVEL_FRAMES - 1)
        for (size_t i = 0; i < ASSETS; i++)
            put(&assets[i], random_between(random, 20 << 10, 600 << 10));
    for (size_t i = 0; i < half; i++) { /* some in the order they came, some backwards */
        clear(&burst[i]);
        clear(&burst[count - 1 - i]);
    }
    clear(&burst[half]);
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "frames of a game: bursts, entities, levels", parameters,
                   PARAMETERS);
    struct random random = random_from(31);
    size_t count = parameters[ENTITIES].value;

    if (parameters[BURST].value > MOST_BURST)
        workload_fail("the burst is too large");
    entities = calloc(count, sizeof *entities);
    if (!entities)
        workload_fail("out of memory");
    for (size_t i = 0; i < count; i++)
        put(&entities[i], random_between(&random, 100, 600));
    for (unsigned long i = 0; i < parameters[FRAMES].value; i++) {
        uint64_t start = clock_now();
        frame(&random, i);
        histogram_add(&times, clock_now() - start);
    }
    for (size_t i = 0; i < count; i++)
        clear(&entities[i]);
    for (size_t i = 0; i < ASSETS; i++)
        clear(&assets[i]);
    free(entities);
    printf("frame_us=%.1f frame_p99_us=%.1f frame_worst_us=%.1f\n",
           (double)histogram_quantile(&times, 0.5) / 1e3,
           (double)histogram_quantile(&times, 0.99) / 1e3, (double)times.worst / 1e3);
    return 0;
}
