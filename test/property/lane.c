/* SPDX-License-Identifier: MIT */
/* Lanes: operations on slots, and the inboxes between them. See lane.h. */
#include "property/lane.h"

#include "property/failure.h"
#include "property/oracle.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

enum {
    INBOX_CAPACITY = 256,
    INBOX_EVERY = 4, /* operations between two looks into the inbox */
    INBOX_BATCH = 16,
    INBOX_TRIES = 100,  /* yields to a receiver whose inbox is full, before we free it ourselves */
    SWEEP_EVERY = 8192, /* operations between two checks of every live block */
};

/* A ring behind a mutex, deliberately plain: the allocator is under test, not the queue. */
struct inbox {
    pthread_mutex_t mutex;
    struct block *ring;
    unsigned first, count;
    bool is_read; /* a thread is running the lane */
};

struct lane {
    /* Set once. */
    struct lane *all;
    unsigned index, slots;
    /* The running thread only. */
    struct generator generator;
    struct random random;
    struct block *blocks;
    bool *live;
    struct operation current;
    size_t live_bytes;
    struct lane_counts counts;
    /* Any thread, under its mutex. */
    struct inbox inbox;
};

struct lane *lanes_create(unsigned count, unsigned slots)
{
    struct lane *lanes = oracle_map(count * sizeof *lanes);

    for (unsigned i = 0; i < count; i++) {
        struct lane *lane = &lanes[i];

        lane->all = lanes;
        lane->index = i;
        lane->slots = slots;
        lane->blocks = oracle_map(slots * sizeof *lane->blocks);
        lane->live = oracle_map(slots * sizeof *lane->live);
        lane->random = random_seeded(run.seed, 1000 + i);
        lane->inbox.ring = oracle_map(INBOX_CAPACITY * sizeof *lane->inbox.ring);
        pthread_mutex_init(&lane->inbox.mutex, NULL);
        generator_init(&lane->generator, run.profile, run.seed, i, count);
    }
    return lanes;
}

struct lane *lane_at(struct lane *lanes, unsigned index)
{
    return &lanes[index];
}

enum push_result { PUSH_DONE, PUSH_FULL, PUSH_NOBODY_READS };

static enum push_result inbox_try_push(struct inbox *inbox, const struct block *block)
{
    enum push_result result = PUSH_DONE;

    pthread_mutex_lock(&inbox->mutex);
    if (inbox->count < INBOX_CAPACITY) {
        inbox->ring[(inbox->first + inbox->count) % INBOX_CAPACITY] = *block;
        inbox->count++;
    } else {
        result = inbox->is_read ? PUSH_FULL : PUSH_NOBODY_READS;
    }
    pthread_mutex_unlock(&inbox->mutex);
    return result;
}

/* Two lanes may wait for each other: hence the limit. */
static bool inbox_push(struct inbox *inbox, const struct block *block)
{
    enum push_result result = inbox_try_push(inbox, block);

    for (int i = 0; i < INBOX_TRIES && result == PUSH_FULL; i++) {
        sched_yield();
        result = inbox_try_push(inbox, block);
    }
    return result == PUSH_DONE;
}

static void inbox_set_read(struct inbox *inbox, bool is_read)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->is_read = is_read;
    pthread_mutex_unlock(&inbox->mutex);
}

static bool inbox_pop(struct inbox *inbox, struct block *block)
{
    pthread_mutex_lock(&inbox->mutex);
    bool has_block = inbox->count > 0;

    if (has_block) {
        *block = inbox->ring[inbox->first];
        inbox->first = (inbox->first + 1) % INBOX_CAPACITY;
        inbox->count--;
    }
    pthread_mutex_unlock(&inbox->mutex);
    return has_block;
}

static void count_live(struct lane *lane, size_t gained, size_t lost)
{
    lane->live_bytes += gained - lost;
    if (lane->live_bytes > lane->counts.peak_bytes) {
        lane->counts.peak_bytes = lane->live_bytes;
    }
}

static void birth(struct lane *lane, const struct operation *operation, uint64_t key)
{
    struct block *block = &lane->blocks[operation->slot];
    bool born = operation->verb == VERB_ALLOC
                    ? oracle_alloc(block, operation->size, operation->align, key)
                    : oracle_calloc(block, operation->size, key);

    if (born) {
        lane->live[operation->slot] = true;
        lane->counts.born++;
        count_live(lane, block->usable, 0);
    }
}

static void resize(struct lane *lane, const struct operation *operation, uint64_t key)
{
    struct block *block = &lane->blocks[operation->slot];
    size_t before = block->usable;

    oracle_resize(block, operation->size, key);
    lane->counts.resized++;
    count_live(lane, block->usable, before);
}

static void death(struct lane *lane, const struct operation *operation)
{
    struct block *block = &lane->blocks[operation->slot];
    bool is_given = operation->verb == VERB_GIVE && operation->size < run.threads &&
                    operation->size != lane->index;

    lane->live[operation->slot] = false;
    count_live(lane, 0, block->usable);
    if (is_given && inbox_push(&lane->all[operation->size].inbox, block)) {
        *block = (struct block){0};
    } else {
        oracle_free(block);
    }
}

static void look_into_inbox(struct lane *lane)
{
    struct block block;

    for (int i = 0; i < INBOX_BATCH && inbox_pop(&lane->inbox, &block); i++) {
        size_t slot = random_below(&lane->random, lane->slots);

        if (!lane->live[slot] && random_percent(&lane->random, 25)) {
            lane->blocks[slot] = block;
            lane->live[slot] = true;
            count_live(lane, block.usable, 0);
        } else {
            oracle_free(&block);
            lane->counts.freed_elsewhere++;
        }
    }
}

static void sweep(const struct lane *lane)
{
    for (unsigned i = 0; i < lane->slots; i++) {
        if (lane->live[i]) {
            oracle_check(&lane->blocks[i]);
        }
    }
}

static void execute(struct lane *lane, const struct operation *operation)
{
    size_t number = ++lane->counts.operations;
    uint64_t key = random_next(&lane->random);

    lane->current = *operation;
    failure_note(lane->index, number, &lane->current);
    if (operation->slot < lane->slots) {
        bool is_live = lane->live[operation->slot];
        bool is_birth = operation->verb == VERB_ALLOC || operation->verb == VERB_CALLOC;

        if (is_birth && !is_live) {
            birth(lane, operation, key);
        } else if (operation->verb == VERB_RESIZE && is_live) {
            resize(lane, operation, key);
        } else if (!is_birth && is_live) {
            death(lane, operation);
        }
    }
    if (run.threads > 1 && number % INBOX_EVERY == 0) {
        look_into_inbox(lane);
    }
    if (number % SWEEP_EVERY == 0) {
        sweep(lane);
    }
}

struct operation lane_peek(struct lane *lane)
{
    return generator_next(&lane->generator, lane->live);
}

static void print(const struct operation *operation)
{
    char text[OPERATION_TEXT_MAX];
    size_t size = operation_print(operation, text);

    if (write(STDOUT_FILENO, text, size) != (ssize_t)size) {
        fail("standard output is closed");
    }
}

void lane_generate(struct lane *lane, size_t operations, bool show)
{
    inbox_set_read(&lane->inbox, true);
    for (size_t i = 0; i < operations; i++) {
        struct operation operation = lane_peek(lane);

        if (show) {
            print(&operation);
        }
        execute(lane, &operation);
    }
    inbox_set_read(&lane->inbox, false);
}

void lane_replay(struct lane *lane, const struct operation *program, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        execute(lane, &program[i]);
    }
}

void lanes_drain(struct lane *lanes, unsigned count)
{
    struct block block;

    for (unsigned i = 0; i < count; i++) {
        struct lane *lane = &lanes[i];

        failure_note(i, lane->counts.operations, &lane->current);
        sweep(lane);
        for (unsigned slot = 0; slot < lane->slots; slot++) {
            if (lane->live[slot]) {
                oracle_free(&lane->blocks[slot]);
                lane->live[slot] = false;
            }
        }
        while (inbox_pop(&lane->inbox, &block)) {
            oracle_free(&block);
        }
    }
}

struct lane_counts lanes_counts(const struct lane *lanes, unsigned count)
{
    struct lane_counts sum = {0};

    for (unsigned i = 0; i < count; i++) {
        sum.operations += lanes[i].counts.operations;
        sum.born += lanes[i].counts.born;
        sum.resized += lanes[i].counts.resized;
        sum.freed_elsewhere += lanes[i].counts.freed_elsewhere;
        sum.peak_bytes += lanes[i].counts.peak_bytes;
    }
    return sum;
}
