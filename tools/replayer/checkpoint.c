/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: boundaries of the plan at which every thread stands still, having done what is
 * before them in the trace and nothing behind. The last to arrive measures, and compares what is
 * live with what the plan says.
 */
#include "replayer/replayer.h"

static const struct plan_boundary *boundary(const struct replay *replay)
{
    return &replay->boundaries[replay->stops[replay->stop]];
}

static void measure(struct replay *replay)
{
    const struct plan_boundary *expected = boundary(replay);
    struct result *result = replay->result;
    int64_t blocks = 0, requested = 0, granted = 0;

    for (size_t i = 0; i < replay->plan.streams; i++) {
        blocks += replay->streams[i].blocks;
        requested += replay->streams[i].requested;
        granted += replay->streams[i].granted;
    }
    if ((uint64_t)blocks != expected->blocks || (uint64_t)requested != expected->bytes)
        give_up(replay, RESULT_MISCOUNTED,
                "%lld blocks of %lld bytes are live before operation %llu, but %llu of %llu in the "
                "trace",
                (long long)blocks, (long long)requested, (unsigned long long)expected->at,
                (unsigned long long)expected->blocks, (unsigned long long)expected->bytes);
    uint64_t resident = process_resident();
    result->sample[result->samples++] = (struct result_sample){
        .at = expected->at,
        .blocks = (uint64_t)blocks,
        .requested = (uint64_t)requested,
        .granted = (uint64_t)granted,
        .rss = resident > replay->own ? resident - replay->own : 0,
    };
}

static uint64_t place_of_stop(const struct replay *replay)
{
    return replay->stop < replay->stop_count ? boundary(replay)->at : UINT64_MAX;
}

/* With the lock: all that are under way have arrived. */
static void go_on(struct replay *replay)
{
    measure(replay);
    replay->stop++;
    replay->arrived = 0;
    replay->generation++;
    atomic_store(&replay->next_stop, place_of_stop(replay));
    pthread_cond_broadcast(&replay->changed);
}

void checkpoint_pass(struct replay *replay, uint64_t position)
{
    if (position < atomic_load_explicit(&replay->next_stop, memory_order_acquire))
        return;
    pthread_mutex_lock(&replay->lock);
    while (position >= atomic_load(&replay->next_stop)) {
        uint64_t generation = replay->generation;
        if (++replay->arrived == replay->active) {
            go_on(replay);
        } else {
            while (generation == replay->generation)
                pthread_cond_wait(&replay->changed, &replay->lock);
        }
    }
    pthread_mutex_unlock(&replay->lock);
}

void checkpoint_leave(struct replay *replay)
{
    pthread_mutex_lock(&replay->lock);
    replay->active--;
    if (replay->active == 0) {
        replay->ended = clock_seconds(CLOCK_MONOTONIC);
        replay->ended_cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
        while (replay->stop < replay->stop_count)
            go_on(replay);
        pthread_cond_broadcast(&replay->changed);
    } else if (replay->arrived == replay->active) {
        go_on(replay);
    }
    pthread_mutex_unlock(&replay->lock);
}

/* `wanted` of them, evenly spaced, and the one after the moment when most bytes were live. */
void checkpoints_choose(struct replay *replay, size_t wanted)
{
    uint64_t boundaries = replay->plan.boundaries, next = 0;
    bool has_most = false;

    if (wanted > RESULT_CHECKPOINTS - 1)
        wanted = RESULT_CHECKPOINTS - 1;
    for (uint64_t i = 0; i < boundaries && replay->stop_count < RESULT_CHECKPOINTS && wanted; i++) {
        uint64_t at = replay->boundaries[i].at;
        bool most = !has_most && at >= replay->plan.most_at;
        bool even = next < wanted && at * wanted >= replay->plan.operations * (next + 1);
        has_most |= most;
        if (i + 1 == boundaries || most || even)
            replay->stops[replay->stop_count++] = i;
        while (next < wanted && at * wanted >= replay->plan.operations * (next + 1))
            next++;
    }
    atomic_store(&replay->next_stop, place_of_stop(replay));
}
