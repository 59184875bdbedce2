/* SPDX-License-Identifier: MIT */
/*
 * See record.h; and the start of recording in a process: at its first allocation, which is long before
 * main, and in a child at the first one after the fork. The first records say who the process is and
 * what it has loaded.
 */
#define _GNU_SOURCE
#include "record/record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/unwind.h"
#include "record/lane.h"
#include "record/modules.h"
#include "record/stacks.h"

/* The words of the command, with spaces between. */
static size_t put_command(char *text, size_t room)
{
    char *const *arguments = cairn__channel_arguments();
    size_t length = 0;

    for (; arguments != NULL && *arguments != NULL; arguments++) {
        size_t count = size_min(strlen(*arguments), room - 2 - length);
        if (length > 0)
            text[length++] = ' ';
        memcpy(text + length, *arguments, count);
        length += count;
        if (length + 2 >= room)
            break;
    }
    text[length++] = '\0';
    return length;
}

static bool open_common(void)
{
    enum { HEAD_WORDS = 3, COMMAND_BYTES = 4000 };
    struct process *process = cairn__channel.process;
    uint64_t *words = process->text.words;

    words[0] = process->serial | (uint64_t)cairn__channel.parent << 32;
    words[1] = (uint64_t)(unsigned)process->pid | (uint64_t)(unsigned)getppid() << 32;
    words[2] = process->space;
    size_t length = put_command((char *)&words[HEAD_WORDS], COMMAND_BYTES);
    return cairn__lane_open_common(words, HEAD_WORDS + (unsigned)((length + 7) / 8));
}

static bool is_wanted(struct ring_header *header, int pid)
{
    int32_t first = 0;

    if (atomic_load_explicit(&header->ended, memory_order_acquire))
        return false;
    if (atomic_compare_exchange_strong_explicit(&header->first, &first, pid, memory_order_relaxed,
                                                memory_order_relaxed))
        return true;
    return !header->only_first || first == pid;
}

static void begin(struct process *process)
{
    struct ring_header *header = cairn__channel.header;

    uint64_t space = ring_space();

    process->pid = (int)getpid();
    process->space = space == header->space || header->space == 0 ? 0 : space;
    process->owner = (uint32_t)process->pid | (process->space != 0 ? RING_ELSEWHERE : 0);
    process->serial = atomic_fetch_add_explicit(&header->serials, 1, memory_order_relaxed) + 1;
    if (!is_wanted(header, process->pid) || !open_common()) {
        cairn__channel_off();
        return;
    }
    if (header->depth > 0)
        cairn__unwind_prepare();
    cairn__modules_send();
    cairn__channel.parent = process->serial;
    if (atomic_load_explicit(&process->state, memory_order_relaxed) == CHANNEL_NOT_READY)
        atomic_store_explicit(&process->state, CHANNEL_READY, memory_order_release);
}

static _Thread_local bool is_starting;

/* True if events are to be recorded. */
static COLD bool start(void)
{
    struct channel *channel = &cairn__channel;
    int saved = errno;

    if (!atomic_exchange_explicit(&channel->looked, true, memory_order_acq_rel))
        cairn__channel_open();
    struct process *process = channel->process;
    if (process == NULL)
        return false;
    if (atomic_load_explicit(&process->state, memory_order_acquire) == CHANNEL_NOT_READY) {
        if (is_starting) /* this is asked by what begin() calls */
            return false;
        /* In a forked child handlers may be waiting, and they may allocate. */
        uint64_t signals = cairn__channel_block_signals();
        is_starting = true;
        lock_acquire(&process->starting);
        if (atomic_load_explicit(&process->state, memory_order_acquire) == CHANNEL_NOT_READY)
            begin(process);
        lock_release(&process->starting);
        is_starting = false;
        cairn__channel_restore_signals(signals);
    }
    errno = saved;
    return atomic_load_explicit(&process->state, memory_order_acquire) == CHANNEL_READY;
}

static inline bool is_on(void)
{
    const struct process *process = cairn__channel.process;
    return (process != NULL &&
            LIKELY(atomic_load_explicit(&process->state, memory_order_acquire) == CHANNEL_READY)) ||
           start();
}

NOINLINE void cairn__record(struct event event)
{
    if (!is_on())
        return;
    unsigned depth = cairn__channel.header->depth;
    if (depth > 0 && event.kind != RING_FREE)
        event.stack = cairn__stacks_number(depth);
    cairn__lane_event(&event);
}

NOINLINE void cairn__record_free(void *ptr)
{
    if (is_on())
        cairn__lane_event(&(struct event){.kind = RING_FREE, .ptr = (uintptr_t)ptr});
}

/* Also for programs that allocate late or never: the recorder is to know of them. */
__attribute__((constructor)) static void at_start(void)
{
    start();
    cairn__lane_watch_threads();
    cairn__modules_watch_forks();
}
