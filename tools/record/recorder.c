/* SPDX-License-Identifier: MIT */
/*
 * See recorder.h. One pass reads each lane as far as the window of order.h goes; after a pass that
 * found little the recorder sleeps for some milliseconds, or until a program that has filled half of a
 * ring wakes it (more often would only take the processor from the programs). What is in the rings stays there when a program dies, so the passes go on until a dead
 * process has nothing left.
 *
 * A number that does not come: some thread took it and has not published its record. If no lane says
 * `taking`, the thread was killed in between, and the number is given up at once. If one does, its
 * thread may only be waiting for a processor; that is granted a second (it may have been stopped, too:
 * then its record comes later, out of order).
 */
#define _GNU_SOURCE
#include "record/recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "message.h"
#include "own_memory.h"
#include "spawn.h"

enum { MOMENT = 100, SHORTEST_SLEEP = 3000, LONGEST_SLEEP = 10000 }; /* microseconds */
enum { EVENTS_A_TURN = 512, BUSY_WORDS = 256, LOOK_EVERY_PASSES = 64 };
static const double patience = 1, look_every = 0.02, threads_every = 0.25, flush_every = 1;

static uint64_t counter(const struct recorder *recorder)
{
    return atomic_load_explicit(&recorder->shared->header->counter, memory_order_seq_cst);
}

/* ---- reading a lane ---- */

struct cursor {
    const uint64_t *ring;
    uint64_t mask, at, head;
};

static uint64_t word(const struct cursor *cursor, unsigned index)
{
    return cursor->ring[(cursor->at + index) & cursor->mask];
}

/* Words of the record, 0 if there is no such record. */
static unsigned words_of(const struct cursor *cursor, unsigned kind)
{
    static const unsigned char fixed[RING_STACK] = {
        [RING_ALLOC] = 3,        [RING_ZEROED] = 3, [RING_ALLOC_WIDE] = 5, [RING_REALLOC] = 4,
        [RING_REALLOC_WIDE] = 5, [RING_FREE] = 2,   [RING_TIME] = 2};
    uint64_t room = cursor->head - cursor->at, words = 0;

    if (kind < RING_STACK)
        words = fixed[kind];
    else if (kind < RING_KINDS && room >= 2)
        words = (uint32_t)word(cursor, 1);
    if (words < 2 || words > room || words > RING_BLOB_WORDS)
        return 0;
    return (unsigned)words;
}

static void decode(const struct cursor *cursor, unsigned words, struct record *record)
{
    uint64_t last = word(cursor, words - 1);

    record->ptr = word(cursor, 1);
    switch (record->kind) {
    case RING_FREE:
        break;
    case RING_ZEROED:
        record->zeroed = true; /* fall through */
    case RING_ALLOC:
        record->size = (uint32_t)last;
        record->stack = (uint32_t)(last >> 32);
        break;
    case RING_REALLOC:
        record->old = word(cursor, 2);
        record->size = (uint32_t)last;
        record->stack = (uint32_t)(last >> 32);
        break;
    case RING_ALLOC_WIDE:
        record->size = word(cursor, 2);
        record->align = word(cursor, 3);
        record->stack = (uint32_t)last;
        record->zeroed = last >> 32 != 0;
        break;
    case RING_REALLOC_WIDE:
        record->old = word(cursor, 2);
        record->size = word(cursor, 3);
        record->stack = (uint32_t)last;
        break;
    default:
        record->ptr = 0;
        record->stack = (uint32_t)(word(cursor, 1) >> 32);
        record->size = words - 2;
        record->payload = memory_take(words - 1, sizeof *record->payload);
        for (unsigned i = 2; i < words; i++)
            record->payload[i - 2] = word(cursor, i);
    }
}

/* Reads up to a turn's worth; what of it was there, in words. */
static uint64_t read_lane(struct recorder *recorder, unsigned index)
{
    struct ring_lane *lane = shared_lane(recorder->shared, index);
    struct lane_reader *reader = &recorder->lanes[index];
    uint64_t before = atomic_load_explicit(&lane->tail, memory_order_relaxed);
    struct cursor cursor = {
        .ring = shared_ring(recorder->shared, index),
        .mask = recorder->shared->header->words - 1,
        .at = before,
        /* Pairs with the release of close_record. */
        .head = atomic_load_explicit(&lane->head, memory_order_acquire),
    };

    for (unsigned events = 0; cursor.at != cursor.head && events < EVENTS_A_TURN; events++) {
        uint64_t first = word(&cursor, 0);
        struct record record = {.kind = first & ((1 << RING_KIND_BITS) - 1),
                                .lane = (uint16_t)index};
        unsigned words = words_of(&cursor, record.kind);
        if (words == 0) { /* the program has written there, by mistake */
            recorder->totals.lost++;
            cursor.at = cursor.head;
            break;
        }
        if (record.kind == RING_TIME) {
            reader->time = word(&cursor, 1);
            cursor.at += words;
            continue;
        }
        uint64_t number = order_number(&recorder->order,
                                       first >> RING_KIND_BITS & RING_NUMBER_MASK);
        if (order_place(&recorder->order, number) == ORDER_BEYOND) {
            if (number < counter(recorder))
                break;
            /* Nobody has taken that: it is the low bits of one given up long ago. */
            number = recorder->order.next > 0 ? recorder->order.next - 1 : 0;
        }
        reader->time += first >> 32;
        record.time = reader->time;
        decode(&cursor, words, &record);
        cursor.at += words;
        reader->until = number + 1;
        order_put(&recorder->order, number, &record);
    }
    if (cursor.at != before) {
        atomic_store_explicit(&lane->tail, cursor.at, memory_order_seq_cst);
        /* Not for a little room: it would soon have to wait again. */
        if (cursor.head - cursor.at <= cursor.mask / 2)
            shared_wake(lane);
    }
    return cursor.at - before;
}

/* ---- all lanes ---- */

static void release(struct recorder *recorder, unsigned index)
{
    struct ring_lane *lane = shared_lane(recorder->shared, index);

    if (index >= RING_COMMON_LANES) /* unless it has said so itself */
        deliver_thread_end(recorder, &recorder->lanes[index]);
    recorder->lanes[index].process = NULL;
    atomic_store_explicit(&lane->taking, 0, memory_order_relaxed);
    atomic_store_explicit(&lane->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&lane->left, 0, memory_order_relaxed);
    /* Pairs with the claim. */
    atomic_store_explicit(&lane->owner, 0, memory_order_release);
}

/* Each lane that was ever used. */
static unsigned next_lane(const struct recorder *recorder, unsigned lane)
{
    const struct ring_header *header = recorder->shared->header;
    uint32_t common = atomic_load_explicit(&header->lanes_used[0], memory_order_acquire);

    lane++;
    if (lane >= common && lane < RING_COMMON_LANES)
        lane = RING_COMMON_LANES;
    if (lane >= RING_COMMON_LANES &&
        lane >= atomic_load_explicit(&header->lanes_used[1], memory_order_acquire))
        lane = RING_LANES;
    return lane;
}

static uint64_t read_all(struct recorder *recorder)
{
    uint64_t words = 0;

    for (unsigned i = 0; i < RING_LANES; i = next_lane(recorder, i)) {
        struct ring_lane *lane = shared_lane(recorder->shared, i);
        if (atomic_load_explicit(&lane->owner, memory_order_acquire) == 0)
            continue;
        bool left = atomic_load_explicit(&lane->left, memory_order_acquire) != 0;
        words += read_lane(recorder, i);
        if (left && recorder->order.next >= recorder->lanes[i].until &&
            atomic_load_explicit(&lane->tail, memory_order_relaxed) ==
                atomic_load_explicit(&lane->head, memory_order_acquire))
            release(recorder, i);
    }
    return words;
}

/* As far as can be known from its number: one of another namespace (below 0) may. */
static bool may_live(int pid)
{
    return pid < 0 || kill(pid, 0) == 0 || errno != ESRCH;
}

/* Whether some thread may yet publish a number that it has taken. */
static bool somebody_is_taking(const struct recorder *recorder)
{
    for (unsigned i = 0; i < RING_LANES; i = next_lane(recorder, i)) {
        const struct ring_lane *lane = shared_lane(recorder->shared, i);
        int pid = (int)(atomic_load_explicit(&lane->owner, memory_order_acquire) >> 32);
        if (pid && atomic_load_explicit(&lane->taking, memory_order_acquire) && may_live(pid) &&
            !(recorder->lanes[i].process && recorder->lanes[i].process->dead))
            return true;
    }
    return false;
}

/* The next number has not come although later ones may have. */
static void resolve_gap(struct recorder *recorder, double now)
{
    struct order *order = &recorder->order;

    if (order->next == counter(recorder)) {
        recorder->stuck_since = now;
        return;
    }
    if (recorder->stuck_number != order->next) {
        recorder->stuck_number = order->next;
        recorder->stuck_since = now;
        return;
    }
    if (somebody_is_taking(recorder) && now - recorder->stuck_since < patience)
        return;
    if (read_all(recorder) == 0 || now - recorder->stuck_since >= patience) {
        if (order->next == recorder->stuck_number)
            order_skip(order);
    }
}

/* ---- the ends of processes and threads ---- */

/* Another process may have its number already. */
static bool is_lane_of(const struct recorder *recorder, unsigned index,
                       const struct recorded *process)
{
    const struct ring_lane *lane = shared_lane(recorder->shared, index);
    const struct recorded *told = recorder->lanes[index].process;
    uint32_t pid = (uint32_t)(atomic_load_explicit(&lane->owner, memory_order_acquire) >> 32);

    if (process->space) /* others may have this number, too */
        return told == process;
    return pid == (uint32_t)process->pid && (told == NULL || told == process);
}

static void give_up_lanes_of(struct recorder *recorder, const struct recorded *process)
{
    for (unsigned i = 0; i < RING_LANES; i = next_lane(recorder, i))
        if (is_lane_of(recorder, i, process))
            atomic_store_explicit(&shared_lane(recorder->shared, i)->left, 1, memory_order_release);
}

static bool is_programs(const struct recorder *recorder, const struct recorded *process)
{
    int first = atomic_load_explicit(&recorder->shared->header->first, memory_order_relaxed);

    return process->pid == first && process->space == 0 &&
           atomic_load_explicit(&recorder->program, memory_order_acquire) == 0;
}

/* A record whose number was given up may still be in a lane. */
static bool is_read(const struct recorder *recorder, const struct recorded *process)
{
    for (unsigned i = 0; i < RING_LANES; i = next_lane(recorder, i)) {
        const struct ring_lane *lane = shared_lane(recorder->shared, i);
        if (is_lane_of(recorder, i, process) &&
            atomic_load_explicit(&lane->tail, memory_order_relaxed) !=
                atomic_load_explicit(&lane->head, memory_order_acquire))
            return false;
    }
    return true;
}

static void look_at_processes(struct recorder *recorder)
{
    processes_look(&recorder->processes, counter(recorder));
    for (size_t i = 0; i < recorder->processes.count;) {
        struct recorded *process = recorder->processes.list[i];
        /* How the program itself ended, its parent is about to be told. */
        if (process->dead && recorder->order.next >= process->until && is_read(recorder, process) &&
            !is_programs(recorder, process)) {
            give_up_lanes_of(recorder, process);
            deliver_exit(recorder, process);
        } else {
            i++;
        }
    }
}

static void look_at_threads(struct recorder *recorder)
{
    for (unsigned i = 0; i < RING_LANES; i = next_lane(recorder, i)) {
        struct ring_lane *lane = shared_lane(recorder->shared, i);
        uint64_t owner = atomic_load_explicit(&lane->owner, memory_order_acquire);
        if (owner == 0 || atomic_load_explicit(&lane->left, memory_order_relaxed) ||
            (int)(owner >> 32) < 0 ||
            !processes_thread_is_gone((int)(owner >> 32), (int)(uint32_t)owner))
            continue;
        /* Of a common lane, the main thread may be gone and others not. */
        if (i >= RING_COMMON_LANES || !may_live((int)(owner >> 32)))
            atomic_store_explicit(&lane->left, 1, memory_order_release);
    }
}

/* ---- the thread ---- */

static void look_around(struct recorder *recorder, double now)
{
    if (now - recorder->looked_at < look_every)
        return;
    recorder->looked_at = now;
    timing_adjust(&recorder->timing);
    look_at_processes(recorder);
    if (now - recorder->threads_looked_at >= threads_every) {
        recorder->threads_looked_at = now;
        look_at_threads(recorder);
    }
    if (now - recorder->flushed_at >= flush_every) {
        recorder->flushed_at = now;
        trace_flush(recorder->writer);
    }
}

/* Of those whose ends are noticed. */
static bool somebody_lives(const struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->processes.count; i++)
        if (!recorded_is_hidden(recorder->processes.list[i]))
            return true;
    return false;
}

/* They have ended with the last descendant of the program. */
static void end_hidden(struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->processes.count;) {
        struct recorded *process = recorder->processes.list[i];
        if (recorded_is_hidden(process))
            deliver_exit(recorder, process);
        else
            i++;
    }
}

static bool is_over(struct recorder *recorder)
{
    if (atomic_load_explicit(&recorder->stop, memory_order_acquire))
        return true;
    recorder->error = trace_error(recorder->writer);
    if (recorder->error)
        return true;
    return atomic_load_explicit(&recorder->program, memory_order_acquire) != 0 &&
           !somebody_lives(recorder) && recorder->order.next == counter(recorder);
}

/*
 * Whether a process lives that descends from the program. Once their parents have ended they are
 * children of the command (PR_SET_CHILD_SUBREAPER); there may be some that have not allocated yet.
 */
static bool has_descendants(void)
{
    pid_t reaped;

    do
        reaped = waitpid(-1, NULL, WNOHANG);
    while (reaped > 0);
    return reaped == 0;
}

/* After the last of them there may be something left to read. */
static bool is_really_over(struct recorder *recorder)
{
    if (recorder->error || atomic_load_explicit(&recorder->stop, memory_order_acquire))
        return true;
    return !has_descendants() && read_all(recorder) == 0 && is_over(recorder);
}

static void *run(void *context)
{
    struct recorder *recorder = context;
    struct ring_header *header = recorder->shared->header;
    unsigned sleep = SHORTEST_SLEEP, passes = 0;

    for (;;) {
        uint64_t words = read_all(recorder);
        if (words >= BUSY_WORDS && ++passes % LOOK_EVERY_PASSES != 0)
            continue;
        double now = spawn_clock();
        atomic_fetch_add_explicit(&header->beat, 1, memory_order_relaxed);
        if (words == 0)
            resolve_gap(recorder, now);
        look_around(recorder, now);
        if (words >= BUSY_WORDS && !trace_error(recorder->writer)) {
            sleep = SHORTEST_SLEEP;
            continue;
        }
        if (is_over(recorder) && is_really_over(recorder))
            break;
        /* While a number is missing others fill their lanes: look again soon. */
        bool waits = recorder->order.reserved > 0;
        shared_sleep(recorder->shared, waits ? MOMENT : sleep);
        sleep = words > 0 ? SHORTEST_SLEEP : LONGEST_SLEEP;
    }
    shared_end(recorder->shared);
    if (!atomic_load_explicit(&recorder->stop, memory_order_relaxed))
        end_hidden(recorder);
    held_settle(&recorder->held);
    recorder->totals.unknown = recorder->held.unknown;
    recorder->totals.peak_bytes = recorder->held.peak_bytes;
    recorder->totals.peak_time = recorder->held.peak_time;
    atomic_store_explicit(&recorder->done, true, memory_order_release);
    return NULL;
}

bool recorder_start(struct recorder *recorder, struct shared *shared, struct trace_writer *writer)
{
    *recorder = (struct recorder){.shared = shared, .writer = writer};
    order_init(&recorder->order, deliver_record, recorder);
    held_init(&recorder->held);
    timing_begin(&recorder->timing, shared->header);
    int error = pthread_create(&recorder->thread, NULL, run, recorder);
    if (error == 0)
        return true;
    message("cannot start a thread: %s", strerror(error));
    recorder_fini(recorder);
    return false;
}

void recorder_program_ended(struct recorder *recorder, int pid, int status)
{
    recorder->status = status;
    atomic_store_explicit(&recorder->program, pid, memory_order_release);
    shared_rouse(recorder->shared);
}

void recorder_join(struct recorder *recorder)
{
    pthread_join(recorder->thread, NULL);
}

void recorder_fini(struct recorder *recorder)
{
    order_fini(&recorder->order);
    held_fini(&recorder->held);
    processes_fini(&recorder->processes);
}
