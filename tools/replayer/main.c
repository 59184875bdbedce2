/* SPDX-License-Identifier: MIT */
/*
 * cairn-replayer PLAN RESULT TOUCH CHECK CHECKPOINTS: see replayer.h. Started by `cairn replay`,
 * which hands over two open files by their numbers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "replayer/replayer.h"

enum { STACK_SIZE = 256 << 10, ARGUMENTS = 5 };

static struct replay the_replay = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
};

void give_up(struct replay *replay, enum result_state state, const char *format, ...)
{
    static _Atomic bool given_up;
    va_list arguments;

    while (atomic_exchange(&given_up, true))
        pause(); /* another thread ends the process */
    if (replay->result) {
        va_start(arguments, format);
        vsnprintf(replay->result->text, sizeof replay->result->text, format, arguments);
        va_end(arguments);
        replay->result->state = state;
    }
    _exit(1);
}

static void *map_file(struct replay *replay, int file, size_t size, uint64_t at, int protection)
{
    uint64_t start = at & ~(uint64_t)(replay->page_size - 1);
    char *pages = mmap(NULL, size + (at - start), protection, MAP_SHARED | MAP_POPULATE, file,
                       (off_t)start);

    if (pages == MAP_FAILED)
        give_up(replay, RESULT_BROKEN, "cannot map a file: %s", strerror(errno));
    replay->own += (size + (at - start) + replay->page_size - 1) & ~(replay->page_size - 1);
    return pages + (at - start);
}

/* ---- is it the malloc that it should be ---- */

static const char *file_of(const char *function)
{
    void *address = dlsym(RTLD_DEFAULT, function);
    Dl_info info;

    return address && dladdr(address, &info) ? info.dli_fname : "";
}

static void look_at_malloc(struct replay *replay)
{
    static const char *const needed[] = {"free", "calloc", "realloc", "posix_memalign"};
    const char *file = file_of("malloc");

    snprintf(replay->result->malloc_file, sizeof replay->result->malloc_file, "%s", file);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (strcmp(file_of(needed[i]), file) != 0)
            give_up(replay, RESULT_UNFIT, "it has malloc, but no %s", needed[i]);
    replay->result->checks_granted = strcmp(file_of("malloc_usable_size"), file) == 0;
}

/* ---- before ---- */

static void read_plan(struct replay *replay)
{
    struct plan_header *plan = &replay->plan;
    uint64_t all = 0;

    if (pread(replay->plan_file, plan, sizeof *plan, 0) != sizeof *plan ||
        plan->magic != PLAN_MAGIC || plan->streams > PLAN_STREAMS)
        give_up(replay, RESULT_BROKEN, "this is no plan");
    const struct plan_stream *streams = map_file(replay, replay->plan_file,
                                                 plan->streams * sizeof *streams + 1,
                                                 plan->streams_at, PROT_READ);
    const uint64_t *chunks = map_file(replay, replay->plan_file, plan->chunks * sizeof *chunks + 1,
                                      plan->chunks_at, PROT_READ);
    replay->boundaries = map_file(replay, replay->plan_file,
                                  plan->boundaries * sizeof *replay->boundaries + 1,
                                  plan->boundaries_at, PROT_READ);
    replay->streams = own_pages(replay, plan->streams * sizeof *replay->streams);
    replay->table = own_pages(replay, plan->numbers * sizeof *replay->table);
    for (size_t i = 0; i < plan->streams; i++) {
        struct stream *stream = &replay->streams[i];
        gate_init(&stream->done, 0);
        gate_init(&stream->position, streams[i].first);
        stream->buffer = own_pages(replay, PLAN_CHUNK_WORDS * sizeof *stream->buffer);
        stream->chunks = chunks + all;
        stream->chunks_left = streams[i].chunks;
        stream->replay = replay;
        all += streams[i].chunks;
    }
    replay->active = plan->streams;
}

static void *wait_and_run(void *context)
{
    struct stream *stream = context;
    struct replay *replay = stream->replay;

    pthread_mutex_lock(&replay->lock);
    while (!replay->started)
        pthread_cond_wait(&replay->changed, &replay->lock);
    pthread_mutex_unlock(&replay->lock);
    return stream_run(stream);
}

static bool start(struct stream *stream, void *(*function)(void *))
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    errno = pthread_create(&stream->thread, &attributes, function, stream);
    pthread_attr_destroy(&attributes);
    stream->has_thread = errno == 0;
    return stream->has_thread;
}

bool start_thread(struct stream *stream)
{
    return start(stream, stream_run);
}

/* Their stacks are not the allocator's memory. */
static void start_threads(struct replay *replay)
{
    uint64_t before = process_resident();

    for (size_t i = 1; i < replay->plan.streams; i++)
        if (!start(&replay->streams[i], wait_and_run))
            give_up(replay, RESULT_BROKEN, "cannot start a thread: %s", strerror(errno));
    uint64_t after = process_resident();
    replay->own += after > before ? after - before : 0;
}

/* ---- after ---- */

static void await_end(struct replay *replay)
{
    pthread_mutex_lock(&replay->lock);
    while (replay->active > 0)
        pthread_cond_wait(&replay->changed, &replay->lock);
    pthread_mutex_unlock(&replay->lock);
    for (size_t i = 0; i < replay->plan.streams; i++)
        if (replay->streams[i].has_thread)
            pthread_join(replay->streams[i].thread, NULL);
}

static void compare_with_plan(struct replay *replay)
{
    struct result *result = replay->result;
    int64_t blocks = 0, bytes = 0;

    for (size_t i = 0; i < replay->plan.streams; i++) {
        result->operations += replay->streams[i].operations;
        blocks += replay->streams[i].blocks;
        bytes += replay->streams[i].requested;
    }
    result->blocks_at_end = (uint64_t)blocks;
    result->bytes_at_end = (uint64_t)bytes;
    if (result->blocks_at_end != replay->plan.blocks_at_end ||
        result->bytes_at_end != replay->plan.bytes_at_end ||
        result->operations != replay->plan.operations)
        give_up(replay, RESULT_MISCOUNTED,
                "%llu operations left %llu blocks of %llu bytes, but %llu left %llu of %llu in the "
                "trace",
                (unsigned long long)result->operations, (unsigned long long)blocks,
                (unsigned long long)bytes, (unsigned long long)replay->plan.operations,
                (unsigned long long)replay->plan.blocks_at_end,
                (unsigned long long)replay->plan.bytes_at_end);
}

static void free_the_rest(struct replay *replay)
{
    for (uint64_t i = 0; i < replay->plan.numbers; i++)
        if (replay->table[i].ptr)
            operate(replay, &replay->streams[0], PLAN_FREE, i, 0, 1);
}

static uint64_t without_own(const struct replay *replay, uint64_t resident)
{
    return resident > replay->own ? resident - replay->own : 0;
}

static void run(struct replay *replay)
{
    struct result *result = replay->result;
    struct rusage before, after;

    start_threads(replay);
    result->rss_before = without_own(replay, process_resident());
    result->high_water = process_reset_high_water();
    result->state = RESULT_PREPARED;
    getrusage(RUSAGE_SELF, &before);
    double cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID), wall = clock_seconds(CLOCK_MONOTONIC);
    pthread_mutex_lock(&replay->lock);
    replay->started = true;
    pthread_cond_broadcast(&replay->changed);
    pthread_mutex_unlock(&replay->lock);
    if (replay->plan.streams > 0)
        stream_run(&replay->streams[0]);
    await_end(replay);
    getrusage(RUSAGE_SELF, &after);
    result->wall = replay->ended - wall;
    result->cpu = replay->ended_cpu - cpu;
    result->minor_faults = (uint64_t)(after.ru_minflt - before.ru_minflt);
    result->major_faults = (uint64_t)(after.ru_majflt - before.ru_majflt);
    result->peak_rss = without_own(replay, process_high_water());
    compare_with_plan(replay);
    free_the_rest(replay);
    result->rss_after = without_own(replay, process_resident());
    result->state = RESULT_DONE;
}

int main(int argc, char **argv)
{
    struct replay *replay = &the_replay;

    if (argc != ARGUMENTS + 1) {
        static const char text[] = "cairn-replayer is a part of `cairn replay` (see there)\n";
        return write(STDERR_FILENO, text, sizeof text - 1) < 0 ? 125 : 125;
    }
    replay->page_size = (size_t)sysconf(_SC_PAGESIZE);
    replay->plan_file = atoi(argv[1]);
    replay->touch = (enum touch)atoi(argv[3]);
    replay->check = atoi(argv[4]) != 0;
    replay->result = map_file(replay, atoi(argv[2]), sizeof *replay->result, 0,
                              PROT_READ | PROT_WRITE);
    replay->result->version = RESULT_VERSION;
    look_at_malloc(replay);
    gates_prepare();
    read_plan(replay);
    if (replay->touch == TOUCH_ALONE)
        replay->alone = own_pages(replay, ALONE_BYTES);
    size_t checkpoints = (size_t)atoi(argv[5]);
    if (checkpoints > 0 && replay->result->checks_granted)
        replay->granted = own_pages(replay, replay->plan.numbers * sizeof *replay->granted);
    checkpoints_choose(replay, checkpoints);
    run(replay);
    return 0;
}
