/* SPDX-License-Identifier: MIT */
/*
 * See cairn/traced.h; traced_form.h has the two forms, traced_threads.h the threads, os/sink.h what
 * can go wrong with a file. An op numbers its event, before or after the source's work as the order
 * of events needs it, and puts it into the buffer that its thread uses, under the buffer's lock. A
 * full buffer is written under the lock of the output. For each buffer, under its lock:
 *     put = what was put into it so far; events = those of them not written yet
 * and when no thread is inside a call, over all buffers,
 *     sum of put = sum of events + written + (lost - skipped)
 *
 * Locks, in this order: all.lock (the list of logs), a buffer's, the output's. fork takes them all.
 * Handlers of fork that run between ours in the same thread may allocate through us: `forking` says
 * that this thread has the locks, and what it logs is written at once, so that at the fork itself
 * nothing is in a buffer that both processes would write.
 *
 * Recursion: a thread that is logging is `busy`, and calls that it makes meanwhile are served and
 * not logged (skipped). errno stays as it is.
 */
#include "cairn/traced.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/print.h"
#include "cairn/system.h"
#include "kit/traced_form.h"
#include "kit/traced_threads.h"
#include "os/clock.h"
#include "os/lock.h"
#include "os/os.h"
#include "os/sink.h"

#define DEFAULT_BUFFERS     16
#define DEFAULT_BUFFER_SIZE (32 * KIB)

enum { MAX_BUFFERS = 1024, PATH_SIZE = 4096, EXIT_PATIENCE_MS = 1000 };

struct buffer {
    struct lock lock;
    bool binary;
    size_t size;
    size_t used;   /* bytes; a batch's head is left free at the start */
    size_t events; /* in them */
    size_t put;    /* events so far */
    struct traced_last last;
    char *data;
} ALIGNED(64);

struct cairn__log {
    /* Set once. */
    cairn_allocator source;
    cairn_allocator records;
    bool binary, questions;
    unsigned buffer_count;
    size_t buffer_size;
    struct buffer *buffers;
    char *data; /* of all buffers */
    uint64_t start;
    struct cairn__log *next; /* under all.lock */

    /* Any thread, atomic. */
    uint64_t numbers ALIGNED(64); /* given so far */
    uint32_t direct;              /* write each event at once */
    uintptr_t forking;            /* the mark of a thread that holds all locks; 0: none */
    size_t written, lost, skipped;

    struct lock output; /* guards the sink and torn */
    struct sink sink;
    bool torn; /* the last write ended within a line of a text */
    struct threads threads;
};

/* What fork, exit and the end of a thread need to find. */
static struct {
    struct lock lock;
    struct cairn__log *first;
    bool is_hooked; /* into fork */
} all;

static size_t load(const size_t *figure)
{
    return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

static void add(size_t *figure, size_t amount)
{
    __atomic_fetch_add(figure, amount, __ATOMIC_RELAXED);
}

/* ---- output ---- */

static void empty(struct buffer *buffer)
{
    buffer->used = buffer->binary ? TRACED_HEADER : 0;
    buffer->events = 0;
    buffer->last = (struct traced_last){0, 0, 0, 0};
}

static size_t count_lines(const char *bytes, size_t count)
{
    size_t lines = 0;
    for (size_t i = 0; i < count; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* Writes what is in a buffer; the output is locked. What a text lacks is lost, of a batch all. */
static void write_out(struct cairn__log *log, struct buffer *buffer)
{
    size_t done = 0, lost = 0;
    if (log->binary)
        cairn__traced_seal(buffer->data, buffer->used - TRACED_HEADER, buffer->events);
    if (log->torn)
        log->torn = cairn__os_sink_write(&log->sink, "\n", 1) != 1;
    if (!log->torn)
        done = cairn__os_sink_write(&log->sink, buffer->data, buffer->used);
    if (UNLIKELY(done < buffer->used)) {
        lost = log->binary ? buffer->events : count_lines(buffer->data + done, buffer->used - done);
        log->torn |= !log->binary && done > 0 && buffer->data[done - 1] != '\n';
    }
    add(&log->written, buffer->events - lost);
    add(&log->lost, lost);
}

/* The buffer is locked, and if `locked` the output, too. */
static void flush(struct cairn__log *log, struct buffer *buffer, bool locked)
{
    if (buffer->events == 0)
        return;
    if (!locked)
        lock_acquire(&log->output);
    write_out(log, buffer);
    if (!locked)
        lock_release(&log->output);
    empty(buffer);
}

static void put(struct cairn__log *log, struct buffer *buffer, const cairn_traced_event *event,
                bool at_once, bool locked)
{
    if (buffer->size - buffer->used < TRACED_EVENT_MAX)
        flush(log, buffer, locked);
    char *to = buffer->data + buffer->used;
    buffer->used += log->binary ? cairn__traced_pack(event, &buffer->last, to)
                                : cairn__traced_line(event, to);
    buffer->events++;
    buffer->put++;
    if (at_once)
        flush(log, buffer, locked);
}

/* ---- events ---- */

/* Who calls, for the length of one op. */
struct caller {
    uintptr_t mark;
    struct thread *thread; /* NULL: it has no entry */
};

static uint64_t next_number(struct cairn__log *log)
{
    return __atomic_add_fetch(&log->numbers, 1, __ATOMIC_RELAXED);
}

static void stamp(struct cairn__log *log, cairn_traced_event *event)
{
    event->number = next_number(log);
    event->time = cairn__os_clock() - log->start;
}

static void write_down(struct cairn__log *log, struct caller caller, cairn_traced_event *event)
{
    struct thread *thread = caller.thread;
    size_t order = thread != NULL ? thread->order : threads_home(caller.mark);
    struct buffer *buffer = &log->buffers[(uint32_t)order % log->buffer_count];
    bool locked = __atomic_load_n(&log->forking, __ATOMIC_RELAXED) == caller.mark;
    bool at_once = locked || __atomic_load_n(&log->direct, __ATOMIC_RELAXED) != 0;
    if (UNLIKELY(thread != NULL && __atomic_exchange_n(&thread->busy, 1, __ATOMIC_RELAXED) != 0)) {
        add(&log->skipped, 1);
        add(&log->lost, 1);
        return;
    }
    /* In the middle of a fork it may be another already than the one in the entry. */
    event->thread = thread != NULL && !locked ? thread->id : (uint32_t)cairn__os_thread_id();
    if (!locked)
        lock_acquire(&buffer->lock);
    put(log, buffer, event, at_once, locked);
    if (!locked)
        lock_release(&buffer->lock);
    if (thread != NULL)
        __atomic_store_n(&thread->busy, 0, __ATOMIC_RELAXED);
}

static COLD struct thread *introduce(struct cairn__log *log, uintptr_t mark)
{
    struct thread *thread = cairn__threads_enter(&log->threads, mark);
    if (thread != NULL) {
        cairn_traced_event event = {.op = CAIRN_TRACED_THREAD,
                                    .size = (uint64_t)cairn__os_process_id()};
        stamp(log, &event);
        write_down(log, (struct caller){mark, thread}, &event);
    }
    return thread;
}

static struct caller begin(struct cairn__log *log)
{
    uintptr_t mark = cairn__os_thread_mark();
    struct thread *thread = threads_find(&log->threads, mark);
    return (struct caller){mark, LIKELY(thread != NULL) ? thread : introduce(log, mark)};
}

/* ---- the ops ---- */

static void *get(struct cairn__log *log, cairn_layout layout, bool zeroed)
{
    struct caller caller = begin(log);
    cairn_traced_event event = {.op = zeroed ? CAIRN_TRACED_ALLOC_ZEROED : CAIRN_TRACED_ALLOC,
                                .size = layout.size,
                                .align = layout.align};
    void *ptr = zeroed ? cairn_allocator_alloc_zeroed(log->source, layout)
                       : cairn_allocator_alloc(log->source, layout);
    event.ptr = (uintptr_t)ptr;
    stamp(log, &event);
    write_down(log, caller, &event);
    return ptr;
}

static void *traced_alloc(void *self, cairn_layout layout)
{
    return get(((cairn_traced *)self)->log, layout, false);
}

static void *traced_alloc_zeroed(void *self, cairn_layout layout)
{
    return get(((cairn_traced *)self)->log, layout, true);
}

/* Written down before the block ends, so that a handler of fork may run in between. */
static void traced_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct cairn__log *log = ((cairn_traced *)self)->log;
    cairn_traced_event event = {.op = CAIRN_TRACED_DEALLOC,
                                .ptr = (uintptr_t)ptr,
                                .size = layout.size,
                                .align = layout.align};
    struct caller caller = begin(log);
    stamp(log, &event);
    write_down(log, caller, &event);
    cairn_allocator_dealloc(log->source, ptr, layout);
}

static void *traced_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    struct cairn__log *log = ((cairn_traced *)self)->log;
    struct caller caller = begin(log);
    cairn_traced_event event = {.op = CAIRN_TRACED_REALLOC,
                                .ptr = (uintptr_t)ptr,
                                .size = layout.size,
                                .align = layout.align,
                                .new_size = new_size};
    event.began = next_number(log);
    void *moved = cairn_allocator_realloc(log->source, ptr, layout, new_size);
    event.result = (uintptr_t)moved;
    stamp(log, &event);
    write_down(log, caller, &event);
    return moved;
}

static bool traced_owns(void *self, const void *ptr)
{
    struct cairn__log *log = ((cairn_traced *)self)->log;
    bool owns = cairn_allocator_owns(log->source, ptr);
    if (log->questions) {
        cairn_traced_event event = {.op = CAIRN_TRACED_OWNS, .ptr = (uintptr_t)ptr, .result = owns};
        struct caller caller = begin(log);
        stamp(log, &event);
        write_down(log, caller, &event);
    }
    return owns;
}

static size_t traced_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    struct cairn__log *log = ((cairn_traced *)self)->log;
    size_t size = cairn_allocator_usable_size(log->source, ptr, layout);
    if (log->questions) {
        cairn_traced_event event = {.op = CAIRN_TRACED_USABLE_SIZE,
                                    .ptr = (uintptr_t)ptr,
                                    .size = layout.size,
                                    .align = layout.align,
                                    .result = size};
        struct caller caller = begin(log);
        stamp(log, &event);
        write_down(log, caller, &event);
    }
    return size;
}

#define OPS                                                                                        \
    .name = "traced", .alloc = traced_alloc, .dealloc = traced_dealloc,                            \
    .alloc_zeroed = traced_alloc_zeroed, .realloc = traced_realloc,                                \
    .usable_size = traced_usable_size

CAIRN_EXPORT cairn_allocator cairn_traced_allocator(cairn_traced *traced)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = traced_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(traced->source)], traced};
}

/* ---- fork, exit, the end of a thread ---- */

static void before_fork(void)
{
    lock_acquire(&all.lock);
    for (struct cairn__log *log = all.first; log != NULL; log = log->next) {
        for (unsigned i = 0; i < log->buffer_count; i++)
            lock_acquire(&log->buffers[i].lock);
        lock_acquire(&log->output);
        for (unsigned i = 0; i < log->buffer_count; i++)
            flush(log, &log->buffers[i], true);
        __atomic_store_n(&log->forking, cairn__os_thread_mark(), __ATOMIC_RELAXED);
    }
}

static void after_fork(bool child)
{
    for (struct cairn__log *log = all.first; log != NULL; log = log->next) {
        __atomic_store_n(&log->forking, 0, __ATOMIC_RELAXED);
        if (child)
            cairn__threads_clear(&log->threads);
        lock_release(&log->output);
        for (unsigned i = log->buffer_count; i-- > 0;)
            lock_release(&log->buffers[i].lock);
    }
    lock_release(&all.lock);
}

static void after_fork_in_parent(void)
{
    after_fork(false);
}

static void after_fork_in_child(void)
{
    after_fork(true);
}

static void at_thread_exit(void *entry)
{
    bool found = false;
    lock_acquire(&all.lock);
    for (struct cairn__log *log = all.first; !found && log != NULL; log = log->next)
        found = cairn__threads_leave(&log->threads, entry);
    lock_release(&all.lock);
}

static bool acquire_in_time(struct lock *lock, int patience)
{
    for (int waited = 0; !lock_try(lock); waited++) {
        if (waited == patience)
            return false;
        cairn__os_sleep(1);
    }
    return true;
}

/* exit() may have been called by a handler of a signal that met its thread with locks held: then
 * what can be had is written, and nothing waited for. Others let go of theirs in time. */
static int exit_patience(struct cairn__log *log)
{
    struct thread *thread = threads_find(&log->threads, cairn__os_thread_mark());
    bool inside = thread != NULL && __atomic_load_n(&thread->busy, __ATOMIC_RELAXED) != 0;
    return inside ? 0 : EXIT_PATIENCE_MS;
}

static void flush_at_exit(struct cairn__log *log)
{
    int patience = exit_patience(log);
    __atomic_store_n(&log->direct, 1, __ATOMIC_RELAXED);
    if (!acquire_in_time(&log->output, patience))
        return;
    lock_release(&log->output);
    for (unsigned i = 0; i < log->buffer_count; i++)
        if (acquire_in_time(&log->buffers[i].lock, patience)) {
            flush(log, &log->buffers[i], false);
            lock_release(&log->buffers[i].lock);
        }
}

__attribute__((destructor)) static void at_exit(void)
{
    if (!acquire_in_time(&all.lock, EXIT_PATIENCE_MS))
        return;
    for (struct cairn__log *log = all.first; log != NULL; log = log->next)
        flush_at_exit(log);
    lock_release(&all.lock);
}

/* False: the system has no memory for the handlers. */
static bool enlist(struct cairn__log *log)
{
    lock_acquire(&all.lock);
    if (!all.is_hooked)
        all.is_hooked = cairn__os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    bool done = all.is_hooked;
    if (done) {
        log->next = all.first;
        all.first = log;
    }
    lock_release(&all.lock);
    return done;
}

static void delist(struct cairn__log *log)
{
    lock_acquire(&all.lock);
    struct cairn__log **link = &all.first;
    while (*link != log)
        link = &(*link)->next;
    *link = log->next;
    lock_release(&all.lock);
}

/* ---- the whole ---- */

static cairn_layout layout_of_log(void)
{
    return (cairn_layout){sizeof(struct cairn__log), _Alignof(struct cairn__log)};
}

static cairn_layout layout_of_buffers(unsigned count)
{
    return cairn_layout_array(struct buffer, count);
}

static cairn_layout layout_of_data(unsigned count, size_t size)
{
    return (cairn_layout){count * size, 64};
}

/* `path` with each %p replaced by the process id. False: too long. */
static bool expand(const char *path, struct text *to)
{
    for (; *path != '\0'; path++) {
        if (path[0] == '%' && path[1] == 'p') {
            cairn__text_uint(to, (uint64_t)cairn__os_process_id());
            path++;
        } else {
            cairn__text_bytes(to, path, 1);
        }
        if (to->length == to->size)
            return false;
    }
    to->data[to->length] = '\0';
    return true;
}

static bool open_sink(struct sink *sink, const cairn_traced_opts *opts)
{
    char path[PATH_SIZE];
    struct text text = {path, sizeof path, 0};
    if (opts->path == NULL)
        return cairn__os_sink_use(sink, opts->file == 0 ? 2 : opts->file);
    return expand(opts->path, &text) && cairn__os_sink_open(sink, path);
}

static void destroy(struct cairn__log *log)
{
    cairn__os_sink_close(&log->sink);
    cairn__threads_fini(&log->threads);
    cairn_allocator records = log->records;
    cairn_allocator_dealloc(records, log->data,
                            layout_of_data(log->buffer_count, log->buffer_size));
    cairn_allocator_dealloc(records, log->buffers, layout_of_buffers(log->buffer_count));
    cairn_allocator_dealloc(records, log, layout_of_log());
}

static struct cairn__log *create(cairn_allocator source, const cairn_traced_opts *opts)
{
    cairn_allocator records = opts->records.ops != NULL ? opts->records : cairn_system();
    struct cairn__log *log = cairn_allocator_alloc_zeroed(records, layout_of_log());
    if (log == NULL)
        return NULL;
    log->source = source;
    log->records = records;
    log->binary = opts->binary;
    log->questions = opts->questions;
    log->direct = opts->unbuffered;
    log->start = cairn__os_clock();
    log->sink.file = -1;
    log->buffer_count = opts->buffers == 0 ? DEFAULT_BUFFERS : opts->buffers;
    if (log->buffer_count > MAX_BUFFERS)
        log->buffer_count = MAX_BUFFERS;
    log->buffer_size = opts->buffer_size == 0 ? DEFAULT_BUFFER_SIZE
                                              : round_up(size_min(opts->buffer_size, GIB), 64);
    log->buffer_size = size_max(log->buffer_size, KIB);
    log->buffers = cairn_allocator_alloc_zeroed(records, layout_of_buffers(log->buffer_count));
    log->data = cairn_allocator_alloc(records, layout_of_data(log->buffer_count, log->buffer_size));
    if (log->buffers == NULL || log->data == NULL || !open_sink(&log->sink, opts)) {
        destroy(log);
        return NULL;
    }
    for (unsigned i = 0; i < log->buffer_count; i++) {
        struct buffer *buffer = &log->buffers[i];
        buffer->binary = log->binary;
        buffer->size = log->buffer_size;
        buffer->data = log->data + i * log->buffer_size;
        empty(buffer);
    }
    cairn__threads_init(&log->threads, at_thread_exit);
    return log;
}

CAIRN_EXPORT bool cairn_traced_init(cairn_traced *traced, cairn_allocator source,
                                    const cairn_traced_opts *opts)
{
    static const cairn_traced_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    traced->source = source.ops != NULL ? source : cairn_system();
    traced->log = create(traced->source, opts);
    if (traced->log != NULL && !enlist(traced->log)) {
        destroy(traced->log);
        traced->log = NULL;
    }
    return traced->log != NULL;
}

CAIRN_EXPORT void cairn_traced_flush(cairn_traced *traced)
{
    struct cairn__log *log = traced->log;
    for (unsigned i = 0; i < log->buffer_count; i++) {
        lock_acquire(&log->buffers[i].lock);
        flush(log, &log->buffers[i], false);
        lock_release(&log->buffers[i].lock);
    }
}

CAIRN_EXPORT size_t cairn_traced_fini(cairn_traced *traced)
{
    delist(traced->log);
    cairn_traced_flush(traced);
    size_t lost = load(&traced->log->lost);
    destroy(traced->log);
    *traced = (cairn_traced){{NULL, NULL}, NULL};
    return lost;
}

CAIRN_EXPORT size_t cairn_traced_written(const cairn_traced *traced)
{
    return load(&traced->log->written);
}

CAIRN_EXPORT size_t cairn_traced_lost(const cairn_traced *traced)
{
    return load(&traced->log->lost);
}

CAIRN_EXPORT const char *cairn_traced_audit(const cairn_traced *traced)
{
    const struct cairn__log *log = traced->log;
    if (traced->source.ops == NULL || log == NULL)
        return "traced has no source, or no log";
    size_t sum = 0, events = 0;
    for (unsigned i = 0; i < log->buffer_count; i++) {
        const struct buffer *buffer = &log->buffers[i];
        if (buffer->used > buffer->size || (log->binary && buffer->used < TRACED_HEADER))
            return "a buffer holds more than it has room for, or less than nothing";
        if (!log->binary && count_lines(buffer->data, buffer->used) != buffer->events)
            return "a buffer has not as many lines as events";
        sum += buffer->put;
        events += buffer->events;
    }
    if (sum + load(&log->skipped) != events + load(&log->written) + load(&log->lost))
        return "events are neither written, nor lost, nor in a buffer";
    return NULL;
}
