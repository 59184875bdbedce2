/* SPDX-License-Identifier: MIT */
/*
 * See lane.h. The order in a record: room in the ring, `taking`, the number, the words, `head`. Only
 * between taking and head does the recorder have to wait for a thread, and nothing in between can
 * block.
 *
 * Leaving needs a key of the C library's that is called when a thread ends. Keys up to 32 have their
 * values in the thread's own memory; a later one would make the C library allocate in the program's
 * name, so it is not used, and the recorder finds out that the thread is gone.
 */
#define _GNU_SOURCE
#include "record/lane.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEYS_WITHOUT_ALLOCATION = 32, WAIT_MILLISECONDS = 50, LANES_PATIENCE = 100 };

static _Thread_local struct self *current;
static struct self without_own; /* `current` of who uses the common lane */
static pthread_key_t end_key;
static _Atomic bool watching_threads;

static int thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

bool cairn__lane_is_open(void)
{
    return current != NULL && current->lane != NULL;
}

/* ---- waiting for the recorder ---- */

static void wake_recorder(struct ring_header *header)
{
    if (atomic_load_explicit(&header->sleeping, memory_order_seq_cst) != 0 &&
        atomic_exchange_explicit(&header->sleeping, 0, memory_order_seq_cst) != 0)
        cairn__channel_wake(&header->sleeping);
}

static bool has_room(struct self *self, unsigned words)
{
    /* Pairs with the recorder's release: what was there has been read. */
    self->limit = atomic_load_explicit(&self->lane->tail, memory_order_seq_cst) + self->mask + 1;
    return self->head + words <= self->limit;
}

static COLD bool wait_for_room(struct self *self, unsigned words)
{
    struct ring_header *header = cairn__channel.header;
    struct ring_lane *lane = self->lane;
    uint32_t beat = 0;
    unsigned misses = 0;

    while (!has_room(self, words)) {
        if (!cairn__channel_recorder_lives(&beat, &misses)) {
            cairn__channel_off();
            return false;
        }
        wake_recorder(header);
        atomic_store_explicit(&lane->waiting, 1, memory_order_seq_cst);
        if (!has_room(self, words)) {
            int busy = self->busy;
            self->busy = NOT_BUSY; /* no record is begun yet: signal handlers may write theirs */
            cairn__channel_wait(&lane->waiting, 1, WAIT_MILLISECONDS);
            self->busy = busy;
        }
        atomic_store_explicit(&lane->waiting, 0, memory_order_relaxed);
    }
    return true;
}

/* ---- records ---- */

static inline void put(struct self *self, uint64_t word)
{
    self->ring[self->head++ & self->mask] = word;
}

/* Up to the first word. Then come words - 1 more, then close_record. */
static inline bool open_record(struct self *self, enum ring_kind kind, unsigned words)
{
    enum { TIME_WORDS = 2 };
    struct ring_header *header = cairn__channel.header;

    if (UNLIKELY(self->head + words + TIME_WORDS > self->limit) &&
        !wait_for_room(self, words + TIME_WORDS))
        return false;
    atomic_store_explicit(&self->lane->taking, 1, memory_order_relaxed);
    /* The release part makes `taking` visible before the number is gone. */
    uint64_t number = atomic_fetch_add_explicit(&header->counter, 1, memory_order_acq_rel);
    uint64_t time = ring_now(header->clock) >> header->clock_shift;
    uint64_t since = time - self->time;
    if (UNLIKELY(since >> 32 != 0)) {
        put(self, RING_TIME);
        put(self, time);
        since = 0;
    }
    self->time = time;
    put(self, kind | (number & RING_NUMBER_MASK) << RING_KIND_BITS | since << 32);
    return true;
}

static inline void close_record(struct self *self)
{
    struct ring_lane *lane = self->lane;
    uint64_t before = atomic_load_explicit(&lane->head, memory_order_relaxed);
    uint64_t half = (self->mask + 1) / 2;

    /* Pairs with the recorder's acquire. */
    atomic_store_explicit(&lane->head, self->head, memory_order_release);
    atomic_store_explicit(&lane->taking, 0, memory_order_release);
    if (UNLIKELY(((before ^ self->head) & half) != 0))
        wake_recorder(cairn__channel.header);
}

static inline uint64_t pair(uint64_t low, uint64_t high)
{
    return low | high << 32;
}

static COLD bool write_wide(struct self *self, const struct event *event)
{
    bool is_realloc = event->kind == RING_REALLOC;

    if (!open_record(self, is_realloc ? RING_REALLOC_WIDE : RING_ALLOC_WIDE, 5))
        return false;
    put(self, event->ptr);
    if (is_realloc)
        put(self, event->old);
    put(self, event->size);
    if (!is_realloc)
        put(self, event->align);
    put(self, pair(event->stack, event->kind == RING_ZEROED));
    return true;
}

static inline void write_event(struct self *self, const struct event *event)
{
    static const unsigned char words[RING_KINDS] = {
        [RING_ALLOC] = 3, [RING_ZEROED] = 3, [RING_REALLOC] = 4, [RING_FREE] = 2};

    if (UNLIKELY(event->size >> 32 != 0 || event->align != 0)) {
        if (write_wide(self, event))
            close_record(self);
        return;
    }
    if (!open_record(self, event->kind, words[event->kind]))
        return;
    put(self, event->ptr);
    if (event->kind == RING_REALLOC)
        put(self, event->old);
    if (event->kind != RING_FREE)
        put(self, pair(event->size, event->stack));
    close_record(self);
}

static bool write_blob(struct self *self, enum ring_kind kind, uint32_t more,
                       const uint64_t *payload, unsigned words)
{
    if (!open_record(self, kind, words + 2))
        return false;
    put(self, pair(words + 2, more));
    for (unsigned i = 0; i < words; i++)
        put(self, payload[i]);
    close_record(self);
    return true;
}

static void write_thread(struct self *self, bool own)
{
    uint64_t payload[2 + 2] = {cairn__channel.process->serial, (uint64_t)self->tid};

    if (self->tid == thread_id()) /* the name that it has now */
        prctl(PR_GET_NAME, (char *)&payload[2]);
    write_blob(self, RING_THREAD, own, payload, sizeof payload / sizeof *payload);
}

/* ---- claiming ---- */

static void raise_to(_Atomic uint32_t *most, uint32_t value)
{
    uint32_t seen = atomic_load_explicit(most, memory_order_relaxed);
    while (seen < value && !atomic_compare_exchange_weak_explicit(
                               most, &seen, value, memory_order_seq_cst, memory_order_relaxed))
        ;
}

/* The first free lane from `from` to `end`; `end` if there is none. */
static unsigned claim_lane(unsigned from, unsigned end, int tid)
{
    uint64_t owner = pair((uint64_t)(unsigned)tid, cairn__channel.process->owner);

    for (unsigned i = from; i < end; i++) {
        struct ring_lane *lane = channel_lane(i);
        uint64_t nobody = 0;
        /* Acquire: what the recorder wrote when it gave the lane up. */
        if (atomic_load_explicit(&lane->owner, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&lane->owner, &nobody, owner,
                                                    memory_order_seq_cst, memory_order_relaxed)) {
            raise_to(&cairn__channel.header->lanes_used[from != 0], i + 1);
            if (cairn__channel_open_ring(i))
                return i;
            atomic_store_explicit(&lane->left, 1, memory_order_release);
            return end;
        }
    }
    return end;
}

static void take_lane(struct self *self, unsigned index, int tid)
{
    const struct ring_header *header = cairn__channel.header;
    struct ring_lane *lane = channel_lane(index);

    *self = (struct self){
        .ring = channel_ring(index),
        .head = atomic_load_explicit(&lane->head, memory_order_relaxed),
        .limit = atomic_load_explicit(&lane->tail, memory_order_relaxed) + header->words,
        .mask = header->words - 1,
        .time = UINT64_C(1) << 63, /* far from any: the first record is preceded by TIME */
        .tid = tid,
    };
    self->lane = lane;
}

static struct self *claim_own(void)
{
    struct process *process = cairn__channel.process;
    int tid = thread_id();
    unsigned end = cairn__channel.lanes;

    if ((int)getpid() != process->pid)
        return NULL; /* a child of vfork: its parent's thread is to have its own */
    unsigned index = end > RING_COMMON_LANES ? claim_lane(RING_COMMON_LANES, end, tid) : end;

    if (index == end) {
        current = &without_own;
        return NULL;
    }
    struct self *self = &process->selves[index];
    take_lane(self, index, tid);
    self->busy = WRITING;
    current = self;
    write_thread(self, true);
    if (atomic_load_explicit(&watching_threads, memory_order_acquire))
        pthread_setspecific(end_key, self);
    self->busy = NOT_BUSY;
    return self;
}

bool cairn__lane_open_common(const uint64_t *payload, unsigned words)
{
    unsigned end = cairn__channel.lanes < RING_COMMON_LANES ? cairn__channel.lanes
                                                            : RING_COMMON_LANES;
    struct process *process = cairn__channel.process;

    for (unsigned i = 0; i < LANES_PATIENCE; i++) {
        unsigned index = claim_lane(0, end, process->pid);
        if (index == end && end < cairn__channel.lanes) /* so many processes */
            index = claim_lane(RING_COMMON_LANES, cairn__channel.lanes, process->pid);
        if (index < cairn__channel.lanes) {
            take_lane(&process->common, index, 0);
            return write_blob(&process->common, RING_PROCESS, 0, payload, words);
        }
        wake_recorder(cairn__channel.header);
        cairn__channel_wait(&cairn__channel.header->ended, 0, WAIT_MILLISECONDS);
    }
    atomic_fetch_add_explicit(&cairn__channel.header->lost, 1, memory_order_relaxed);
    return false;
}

/* ---- from outside ---- */

static struct self *enter_common(void)
{
    struct process *process = cairn__channel.process;

    uint64_t signals = cairn__channel_block_signals();
    lock_acquire(&process->common_lock);
    process->common_signals = signals;
    int tid = thread_id();
    if (process->common.tid != tid) {
        process->common.tid = tid;
        write_thread(&process->common, false);
    }
    return &process->common;
}

static COLD struct self *enter_slowly(void)
{
    struct self *self = current;

    if (self != NULL && self->lane != NULL) /* busy; perhaps left by longjmp, for good */
        return self->busy == HANDING_ON ? NULL : enter_common();
    if (self != &without_own) {
        self = claim_own();
        if (self != NULL) {
            self->busy = WRITING;
            return self;
        }
    }
    return enter_common();
}

/* NULL: this event is another's. */
static inline struct self *enter(void)
{
    struct self *self = current;

    if (UNLIKELY(self == NULL || self->lane == NULL || self->busy))
        return enter_slowly();
    self->busy = WRITING;
    atomic_signal_fence(memory_order_seq_cst);
    return self;
}

static inline void leave(struct self *self)
{
    struct process *process = cairn__channel.process;

    atomic_signal_fence(memory_order_seq_cst);
    if (LIKELY(self != &process->common)) {
        self->busy = NOT_BUSY;
        return;
    }
    uint64_t signals = process->common_signals;
    lock_release(&process->common_lock);
    cairn__channel_restore_signals(signals);
}

void cairn__lane_event(const struct event *event)
{
    struct self *self = enter();

    if (UNLIKELY(self == NULL))
        return;
    write_event(self, event);
    leave(self);
}

bool cairn__lane_blob(enum ring_kind kind, uint32_t more, const uint64_t *payload, unsigned words)
{
    struct self *self = enter();

    if (self == NULL)
        return false;
    bool done = write_blob(self, kind, more, payload, words);
    leave(self);
    return done;
}

uint64_t cairn__lane_position(void)
{
    return cairn__lane_is_open() ? current->head : 0;
}

bool cairn__lane_hand_on(void)
{
    if (!cairn__lane_is_open() || current->busy)
        return false;
    current->busy = HANDING_ON;
    return true;
}

void cairn__lane_handed_on(void)
{
    if (cairn__lane_is_open())
        current->busy = NOT_BUSY;
}

/* ---- the end of a thread ---- */

/* Others' are called, too, and allocate: it comes back until the last round. */
static void at_end(void *value)
{
    struct self *self = value;

    if (self != current || self->lane == NULL)
        return;
    if (++self->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(end_key, self);
        return;
    }
    self->busy = WRITING;
    /* Less what was begun and left by longjmp. */
    self->head = atomic_load_explicit(&self->lane->head, memory_order_relaxed);
    write_blob(self, RING_THREAD_END, 0, NULL, 0);
    struct ring_lane *lane = self->lane;
    self->lane = NULL;
    current = &without_own;
    /* Release: the recorder gives it to others once all before this is read. */
    atomic_store_explicit(&lane->left, 1, memory_order_release);
}

void cairn__lane_watch_threads(void)
{
    if (pthread_key_create(&end_key, at_end) != 0)
        return;
    if (end_key < KEYS_WITHOUT_ALLOCATION)
        atomic_store_explicit(&watching_threads, true, memory_order_release);
    else
        pthread_key_delete(end_key);
}
