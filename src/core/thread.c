/* SPDX-License-Identifier: MIT */
/*
 * See thread.h. The order of a thread's end: its heap's blocks in rings are sent; what came in is
 * taken; most pages, or all, are handed on; the heap goes idle, parked if it still has pages; what
 * came in meanwhile is passed on.
 */
#include "core/thread.h"

#include "base/option.h"
#include "core/checked.h"
#include "core/depot.h"
#include "core/huge.h"
#include "core/metadata.h"
#include "core/purge.h"
#include "core/recent.h"
#include "core/registry.h"
#include "core/quarantine.h"
#include "core/retired.h"
#include "core/sampled.h"
#include "core/seal.h"
#include "core/remote.h"
#include "core/secret.h"
#include "core/separate.h"
#include "core/shared.h"
#include "core/slot.h"
#include "os/fatal.h"
#include "os/os.h"
#include "os/tags.h"

static struct {
    struct lock lock; /* RANK_START */
    _Atomic bool done;
    bool hooked;          /* threads' ends will be told to us */
    _Atomic bool threads; /* a thread has got a heap */
    bool forks;           /* forks will be told to us */
} start;

/* ---- the end of a thread ---- */

/* True: some stay in the heap, which is to be parked. */
static bool hand_on_pages(struct heap *heap)
{
    if (cairn__registry_can_park())
        return cairn__heap_abandon_most(heap);
    cairn__heap_abandon(heap);
    return false;
}

/* Its bins are empty, what came in is dealt with, and what was to go out has gone. */
static void settle(struct heap *heap)
{
    cairn__remote_empty_bins(heap);
    do {
        cairn__remote_drain(heap);
        cairn__remote_flush(heap);
    } while (remote_has_mail(heap));
}

static void leave(struct heap *heap)
{
    heap->busy = true;
    settle(heap);
    bool keeps = hand_on_pages(heap);
    cairn__recent_flush(heap);
    cairn__heap = &cairn__heap_gone;
    heap->busy = false;
    if (keeps)
        cairn__registry_park(heap);
    else
        cairn__registry_give(heap);

    struct heap *through = cairn__shared_acquire();
    cairn__remote_forward(through, heap);
    cairn__remote_flush(through);
    cairn__shared_release(through);
    cairn__purge_after_thread();
}

/*
 * At the first call, although other destructors may still allocate: these get the shared heap. Had we
 * waited for a later round, a heap made late would never be told of the last one.
 */
static void on_thread_exit(void *heap)
{
    leave(heap);
}

void cairn__thread_trim(void)
{
    struct heap *heap = cairn__heap;
    if (!heap_is_real(heap))
        return;
    bool outer = heap_enter(heap);
    settle(heap);
    cairn__heap_trim(heap);
    heap_leave(heap, outer);
}

/* ---- the beginning ---- */

struct heap *cairn__thread_heap(void)
{
    struct heap *heap = cairn__heap;
    if (LIKELY(heap_is_real(heap)))
        return heap;
    if (heap == &cairn__heap_gone)
        return NULL;
    cairn__process_start();
    if (heap_is_real(cairn__heap)) /* starting may have allocated */
        return cairn__heap;
    heap = cairn__registry_take();
    if (heap == NULL)
        return NULL;
    bool another = atomic_exchange(&start.threads, true);
    cairn__heap = heap; /* before the next line, which may allocate */
    if (start.hooked && !cairn__os_set_exit_value(heap)) {
        /* The thread's end would go unnoticed, and the heap with it. */
        leave(heap);
        return NULL;
    }
    if (another)
        cairn__purge_threads();
    return heap;
}

/* ---- fork ---- */

/* In the order of the ranks. */
static void before_fork(void)
{
    cairn__os_lock_streams();
    lock_acquire(&start.lock);
    cairn__separate_before_fork();
    cairn__shared_before_fork();
    cairn__registry_before_fork();
    cairn__depot_before_fork();
    cairn__retired_before_fork();
    cairn__quarantine_before_fork();
    cairn__pool_before_fork();
    cairn__sampled_before_fork();
    cairn__huge_before_fork();
    cairn__metadata_before_fork();
    cairn__secret_before_fork();
}

static void after_fork_in_parent(void)
{
    cairn__secret_after_fork(false);
    cairn__metadata_after_fork(false);
    cairn__huge_after_fork(false);
    cairn__sampled_after_fork(false);
    cairn__pool_after_fork(false);
    cairn__quarantine_after_fork(false);
    cairn__retired_after_fork(false);
    cairn__depot_after_fork(false);
    cairn__registry_after_fork();
    cairn__shared_after_fork(false);
    cairn__separate_after_fork(false);
    lock_release(&start.lock);
    cairn__os_unlock_streams(false);
}

static void after_fork_in_child(void)
{
    cairn__secret_after_fork(true);
    cairn__metadata_after_fork(true);
    cairn__huge_after_fork(true);
    cairn__sampled_after_fork(true);
    cairn__pool_after_fork(true);
    cairn__quarantine_after_fork(true);
    cairn__retired_after_fork(true);
    cairn__depot_after_fork(true);
    cairn__registry_in_child(cairn__heap);
    cairn__purge_in_child();
    cairn__shared_after_fork(true);
    cairn__separate_after_fork(true);
    lock_reset(&start.lock);
    cairn__os_unlock_streams(true);
}

/* ---- process start ---- */

static void read_options(void)
{
    unsigned wrong = cairn__options_read(cairn__os_environment_all(), cairn__os_print_error);
    if (wrong != 0 && cairn__option(OPTION_STRICT))
        cairn__fatal("CAIRN_STRICT is set: stopped for the options above", NULL);
}

/* Where they cannot be written they stay as they were built in. */
static void read_settings(void)
{
    if (!cairn__seal_break())
        return;
    read_options();
#if CHECKED
    cairn__checked_start();
#endif
    if (SLOTTED)
        cairn__harden = (uint8_t)cairn__option(OPTION_HARDEN);
    if (TAGS_BUILT && cairn__option(OPTION_TAGS))
        cairn__tags_start();
    cairn__sampled_start(cairn__option(OPTION_SAMPLE));
    cairn__seal();
}

void cairn__process_start(void)
{
    if (LIKELY(atomic_load_explicit(&start.done, memory_order_acquire)))
        return;
    lock_acquire(&start.lock);
    if (!atomic_load_explicit(&start.done, memory_order_relaxed)) {
        read_settings();
        cairn__shared_start();
        cairn__window_start();
        start.hooked = cairn__os_on_thread_exit(on_thread_exit);
        atomic_store_explicit(&start.done, true, memory_order_release);
    }
    bool first = !start.forks;
    start.forks = true;
    lock_release(&start.lock);
    /* Registering may allocate: not under the lock. */
    if (first)
        cairn__os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}
