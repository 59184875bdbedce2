/* SPDX-License-Identifier: MIT */
/*
 * One pass over a trace: see profile.h. live.h says what each event did to which block; here it is
 * added up by stack, size, lifetime and thread. moments.h keeps the course over time, peaks.h who was
 * live at the peak, pages.h where.
 *
 * Per stack:
 *   blocks = freed + live now + left behind by processes that ended
 * and what is live now or left behind at the end was never freed.
 *
 * A block is temporary if its thread frees it and has allocated nothing since: then the number of the
 * event that made the block is that of the thread's last allocation. Times are counted from the first
 * event; a clock that goes backwards between threads is taken to have stood still.
 */
#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "profile/moments.h"
#include "profile/pages.h"
#include "profile/peaks.h"
#include "profile/progress.h"
#include "trace/live.h"

enum { ROOM_AT_FIRST = 256 };

/* What a process left behind when it ended. */
struct left {
    uint64_t blocks, bytes;
};

struct reading {
    struct profile *profile;
    struct live live;
    struct peaks peaks;
    struct moments moments;
    struct left *left;     /* by stack; NULL: nothing yet */
    uint64_t *last_number; /* by thread: of its last allocation */
    size_t stack_room, thread_room, process_room;
    uint64_t first, time; /* of the first event; since then */
    bool began, all_gone; /* all_gone: the last events were ends of processes… */
    struct left before;   /* …and this was live before them */
};

/* `list` with zeroed room for `index`, of `*room` objects before. */
static void *with_room(void *list, size_t *room, size_t index, size_t size)
{
    size_t old = *room;

    if (index < old)
        return list;
    while (*room <= index)
        *room = *room ? *room * 2 : ROOM_AT_FIRST;
    list = memory_resize(list, *room, size);
    memset((char *)list + old * size, 0, (*room - old) * size);
    return list;
}

static void need_stack(struct reading *reading, uint32_t stack)
{
    struct profile *profile = reading->profile;
    size_t room = reading->stack_room;

    if (stack < room)
        return;
    profile->stacks = with_room(profile->stacks, &room, stack, sizeof *profile->stacks);
    if (reading->left) {
        size_t left_room = reading->stack_room;
        reading->left = with_room(reading->left, &left_room, stack, sizeof *reading->left);
    }
    reading->stack_room = room;
}

static void need_thread(struct reading *reading, uint32_t thread)
{
    struct profile *profile = reading->profile;
    size_t room = reading->thread_room;

    if (thread < room)
        return;
    profile->threads = with_room(profile->threads, &room, thread, sizeof *profile->threads);
    reading->last_number = with_room(reading->last_number, &reading->thread_room, thread,
                                     sizeof *reading->last_number);
}

static void need_process(struct reading *reading, uint32_t process)
{
    struct profile *profile = reading->profile;

    if (process < reading->process_room)
        return;
    profile->processes = with_room(profile->processes, &reading->process_room, process,
                                   sizeof *profile->processes);
}

static void add_made(struct profile_sums *sums, uint64_t size)
{
    sums->blocks++;
    sums->bytes += size;
    sums->live_blocks++;
    sums->live_bytes += size;
    if (sums->live_bytes > sums->own_peak_bytes)
        sums->own_peak_bytes = sums->live_bytes;
    if (size > sums->largest)
        sums->largest = size;
}

static void add_ended(struct profile_sums *sums, uint64_t size, uint64_t lifetime, bool temporary)
{
    sums->live_blocks--;
    sums->live_bytes -= size;
    sums->lifetime += lifetime;
    sums->temporary += temporary;
    sums->freed++;
}

static void process_made(struct profile_process *process, uint64_t size)
{
    process->blocks++;
    process->bytes += size;
    process->live_blocks++;
    process->live_bytes += size;
    if (process->live_bytes > process->peak_bytes) {
        process->peak_bytes = process->live_bytes;
        process->peak_blocks = process->live_blocks;
    }
}

static void process_ended(struct profile_process *process, uint64_t size)
{
    process->live_blocks--;
    process->live_bytes -= size;
}

static void block_made(struct reading *reading, const struct live_block *block)
{
    struct profile *profile = reading->profile;
    struct profile_thread *thread = &profile->threads[block->thread];
    unsigned bin = profile_bin(block->size);

    need_stack(reading, block->stack);
    add_made(&profile->stacks[block->stack], block->size);
    add_made(&profile->whole, block->size);
    process_made(&profile->processes[block->process], block->size);
    profile->size_blocks[bin]++;
    profile->size_bytes[bin] += block->size;
    thread->allocations++;
    thread->bytes += block->size;
    reading->last_number[block->thread] = block->number;
}

static void block_freed(struct reading *reading, const struct live_block *block,
                        const struct trace_event *event)
{
    struct profile *profile = reading->profile;
    uint64_t lifetime = event->time > block->time ? event->time - block->time : 0;
    bool own = block->thread == event->thread;
    bool temporary = own && reading->last_number[event->thread] == block->number;
    unsigned bin = profile_bin(lifetime);

    need_stack(reading, block->stack);
    add_ended(&profile->stacks[block->stack], block->size, lifetime, temporary);
    add_ended(&profile->whole, block->size, lifetime, temporary);
    process_ended(&profile->processes[block->process], block->size);
    profile->life_blocks[bin]++;
    profile->life_bytes[bin] += block->size;
    profile->threads[event->thread].frees++;
    profile->threads[event->thread].foreign_frees += !own;
    peaks_end(&reading->peaks, block);
}

/* A block is not freed by now, and will not be. */
static void block_lasted(void *context, const struct live_block *block)
{
    struct reading *reading = context;
    uint64_t now = reading->first + reading->time;

    if (now > block->time)
        reading->profile->stacks[block->stack].lasted += now - block->time;
}

/* The process of a block has ended without freeing it. */
static void block_left(void *context, const struct live_block *block)
{
    struct reading *reading = context;
    struct profile *profile = reading->profile;

    if (!reading->left)
        reading->left = memory_take(reading->stack_room, sizeof *reading->left);
    reading->left[block->stack].blocks++;
    reading->left[block->stack].bytes += block->size;
    profile->processes[block->process].left_blocks++;
    profile->processes[block->process].left_bytes += block->size;
    process_ended(&profile->processes[block->process], block->size);
    profile->stacks[block->stack].live_blocks--;
    profile->stacks[block->stack].live_bytes -= block->size;
    profile->whole.live_blocks--;
    profile->whole.live_bytes -= block->size;
    block_lasted(reading, block);
    peaks_end(&reading->peaks, block);
}

static void count_event(struct profile *profile, const struct trace_event *event,
                        const struct live_change *change)
{
    bool allocates = event->op <= TRACE_REALLOC;

    if (event->op > TRACE_FREE)
        return;
    profile->events++;
    profile->failed += allocates && event->ptr == 0;
    profile->unknown_frees += change->unknown;
    if (event->op == TRACE_FREE)
        profile->frees += change->ended;
    else
        profile->reallocs += change->ended;
}

/* The curve ends with what the last processes left behind, not with nothing. */
static void note_end(struct reading *reading, const struct trace_event *event,
                     const struct left *before)
{
    bool end = event->op == TRACE_EXIT || event->op == TRACE_THREAD_END;

    if (end && !reading->all_gone)
        reading->before = *before;
    reading->all_gone = end;
}

static void note_time(struct reading *reading, uint64_t time)
{
    if (!reading->began)
        reading->first = time;
    reading->began = true;
    if (time > reading->first && time - reading->first > reading->time)
        reading->time = time - reading->first;
    moments_pass(&reading->moments, reading->time);
}

static void apply(struct reading *reading, const struct trace_event *event)
{
    struct profile *profile = reading->profile;
    struct profile_moment *now = &reading->moments.now;
    struct left before = {now->blocks, now->bytes};

    note_time(reading, event->time);
    if (event->op <= TRACE_FREE) {
        need_stack(reading, event->stack);
        need_thread(reading, event->thread);
        need_process(reading, event->process);
    }
    struct live_change change = live_apply(&reading->live, event, block_left, reading);
    if (change.ended)
        block_freed(reading, &change.before, event);
    if (change.made)
        block_made(reading, change.block);
    count_event(profile, event, &change);
    note_end(reading, event, &before);
    peaks_total(&reading->peaks, profile->whole.live_bytes, event);
    now->blocks = profile->whole.live_blocks;
    now->bytes = profile->whole.live_bytes;
    now->allocations = profile->whole.blocks;
    if (now->bytes > now->high)
        now->high = now->bytes;
}

/* What was left behind was never freed. */
static void add_left(struct reading *reading)
{
    struct profile *profile = reading->profile;

    for (size_t i = 0; reading->left && i < reading->stack_room; i++) {
        profile->stacks[i].live_blocks += reading->left[i].blocks;
        profile->stacks[i].live_bytes += reading->left[i].bytes;
        profile->whole.live_blocks += reading->left[i].blocks;
        profile->whole.live_bytes += reading->left[i].bytes;
    }
    for (uint32_t i = 0; i < trace_processes(profile->reader); i++) {
        struct profile_process *process = &profile->processes[i];
        process->live_blocks += process->left_blocks;
        process->live_bytes += process->left_bytes;
    }
}

static void add_peak(struct reading *reading)
{
    struct profile *profile = reading->profile;
    struct peaks *peaks = &reading->peaks;
    uint64_t *by_process = memory_take(trace_processes(profile->reader), sizeof *by_process);
    uint32_t most = 0;

    peaks_finish(peaks, &reading->live);
    for (size_t i = 0; i < peaks->count; i++) {
        const struct peak_block *block = &peaks->gone[i];
        profile->stacks[block->stack].peak_blocks++;
        profile->stacks[block->stack].peak_bytes += block->size;
        by_process[block->process] += block->size;
        if (by_process[block->process] > by_process[most])
            most = block->process;
    }
    profile->whole.peak_blocks = peaks->count;
    profile->whole.peak_bytes = peaks->bytes;
    if (peaks->number)
        profile->peak_seconds = (double)(peaks->time - reading->first) / 1e9;
    profile->page_process = most;
    profile->page_count = pages_of(peaks->gone, peaks->count, most, &profile->pages);
    free(by_process);
}

static void finish(struct reading *reading)
{
    struct profile *profile = reading->profile;
    uint32_t threads = trace_threads(profile->reader);
    uint32_t processes = trace_processes(profile->reader);

    if (trace_nodes(profile->reader) > 0)
        need_stack(reading, trace_nodes(profile->reader) - 1);
    need_thread(reading, threads ? threads - 1 : 0);
    need_process(reading, processes ? processes - 1 : 0);
    if (reading->all_gone) {
        reading->moments.now.blocks = reading->before.blocks;
        reading->moments.now.bytes = reading->before.bytes;
    }
    profile->seconds = (double)reading->time / 1e9;
    profile->moment_count = moments_finish(&reading->moments, reading->time, &profile->moments);
    live_visit(&reading->live, block_lasted, reading);
    add_peak(reading);
    add_left(reading);
    profile->damage = trace_damage(profile->reader);
}

bool profile_read(struct profile *profile, const char *path, const struct profile_choice *choice)
{
    struct reading *reading = memory_take(1, sizeof *reading);
    struct trace_event event;

    *profile = (struct profile){.path = path,
                                .reader = trace_open(path),
                                .one_process = !choice->all_processes,
                                .process = choice->process};
    if (!profile->reader) {
        free(reading);
        return false;
    }
    struct progress progress;
    progress_begin(&progress, path);
    reading->profile = profile;
    live_init(&reading->live);
    moments_init(&reading->moments);
    while (trace_next(profile->reader, &event)) {
        if (progress_due(&progress))
            progress_show(&progress, trace_progress(profile->reader));
        if (choice->all_processes || event.process == choice->process)
            apply(reading, &event);
    }
    finish(reading);
    progress_end(&progress);
    peaks_fini(&reading->peaks);
    live_fini(&reading->live);
    free(reading->last_number);
    free(reading->left);
    free(reading);
    return true;
}

uint32_t profile_processes(const struct profile *profile)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < trace_processes(profile->reader); i++)
        count += profile->processes[i].blocks > 0;
    return count;
}

void profile_fini(struct profile *profile)
{
    free(profile->stacks);
    free(profile->moments);
    free(profile->threads);
    free(profile->processes);
    free(profile->pages);
    trace_close(profile->reader);
    *profile = (struct profile){0};
}
