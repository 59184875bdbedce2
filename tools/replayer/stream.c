/* SPDX-License-Identifier: MIT */
/*
 * A thread's way through its words. Chunks are read, not mapped: pages of the plan would be counted
 * as memory of this process, and a copy of 32 KiB costs less than the faults.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "replayer/replayer.h"

static void fetch_chunk(struct stream *stream)
{
    struct replay *replay = stream->replay;
    char *to = (char *)stream->buffer;
    uint64_t at = *stream->chunks;
    size_t left = PLAN_CHUNK_WORDS * sizeof *stream->buffer;

    while (left > 0) {
        ssize_t got = pread(replay->plan_file, to, left, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            give_up(replay, RESULT_BROKEN, "cannot read the plan: %s",
                    got < 0 ? strerror(errno) : "it is cut short");
        to += got;
        at += (uint64_t)got;
        left -= (size_t)got;
    }
    stream->chunks++;
    stream->chunks_left--;
    stream->at = stream->buffer;
    stream->end = stream->buffer + PLAN_CHUNK_WORDS;
}

/* Until no thread is more than PLAN_DRIFT operations of the trace behind `position`. */
static void await_others(struct replay *replay, uint64_t position)
{
    uint64_t slowest = UINT64_MAX;

    if (position < PLAN_DRIFT)
        return;
    uint64_t wanted = position - PLAN_DRIFT;
    if (atomic_load_explicit(&replay->slowest, memory_order_acquire) >= wanted)
        return;
    for (size_t i = 0; i < replay->plan.streams; i++) {
        struct gate *other = &replay->streams[i].position;
        gate_await(other, wanted);
        uint64_t reached = gate_value(other);
        if (reached < slowest)
            slowest = reached;
    }
    /* Positions only grow, so what was the smallest is a bound whoever writes it last. */
    atomic_store_explicit(&replay->slowest, slowest, memory_order_release);
}

static void pass_mark(struct stream *stream, uint64_t position)
{
    struct replay *replay = stream->replay;
    bool shared = replay->plan.streams > 1;

    if (shared)
        gate_raise(&stream->position, position);
    checkpoint_pass(replay, position);
    if (shared)
        await_others(replay, position);
}

/* The thread ends; another of the same stream begins when it is gone. */
static void succeed(struct stream *stream)
{
    struct replay *replay = stream->replay;

    stream->predecessor = pthread_self();
    stream->has_predecessor = stream->has_thread;
    if (!start_thread(stream))
        give_up(replay, RESULT_BROKEN, "cannot start a thread: %s", strerror(errno));
}

static void end_stream(struct stream *stream)
{
    gate_raise(&stream->done, stream->operations);
    gate_raise(&stream->position, UINT64_MAX);
    checkpoint_leave(stream->replay);
}

/* To the end of the stream, or of the thread. */
static inline __attribute__((always_inline)) void follow(struct replay *replay,
                                                         struct stream *stream, const bool shared,
                                                         const bool alone)
{
    for (;;) {
        if (stream->at == stream->end) {
            if (stream->chunks_left == 0) {
                end_stream(stream);
                return;
            }
            fetch_chunk(stream);
        }
        uint64_t word = *stream->at++;
        enum plan_kind kind = plan_kind_of(word);
        switch (kind) {
        case PLAN_NOTHING:
            stream->at = stream->end;
            continue;
        case PLAN_WAIT:
            gate_await(&replay->streams[word >> 4 & 0xfff].done, word >> 16);
            continue;
        case PLAN_MARK:
            pass_mark(stream, word >> 4);
            continue;
        case PLAN_SUCCESSOR:
            succeed(stream);
            return;
        default:
            break;
        }
        uint64_t size = plan_size_of(word), align = 1;
        if (__builtin_expect(size == PLAN_LONG, 0)) {
            uint64_t more = *stream->at++;
            size = more & ((UINT64_C(1) << PLAN_SIZE_BITS) - 1);
            align = UINT64_C(1) << (more >> PLAN_SIZE_BITS);
        }
        if (alone)
            operate_alone(replay, stream, kind, plan_number_of(word), size);
        else
            operate(replay, stream, kind, plan_number_of(word), size, align);
        stream->operations++;
        if (shared)
            gate_raise(&stream->done, stream->operations);
    }
}

void *stream_run(void *context)
{
    struct stream *stream = context;
    struct replay *replay = stream->replay;

    if (stream->has_predecessor)
        pthread_join(stream->predecessor, NULL);
    if (replay->touch == TOUCH_ALONE)
        follow(replay, stream, replay->plan.streams > 1, true);
    else if (replay->plan.streams > 1)
        follow(replay, stream, true, false);
    else
        follow(replay, stream, false, false);
    return NULL;
}
