/* SPDX-License-Identifier: MIT */
/* See purge.h. */
#include "core/purge.h"

#include "base/option.h"
#include "os/os.h"

enum { REFUSED_MS = 500 }; /* before the system is asked again for what it has refused */

static struct {
    _Atomic bool threads;     /* there is more than one that allocates */
    _Atomic bool helper;      /* the helper thread is there, or being started */
    _Atomic uint64_t next;    /* the clock, when the next step is due */
    _Atomic uint64_t refused; /* the clock, when the system last refused; 0: never */
    _Atomic size_t last_peak; /* units in use at most, in the step before this one */
} purge;

void cairn__purge_threads(void)
{
    atomic_store_explicit(&purge.threads, true, memory_order_relaxed);
}

static size_t limit(size_t used)
{
    switch (cairn__option(OPTION_PURGE_DELAY)) {
    case 0:
        return 0;
    case OPTION_NEVER:
        return SIZE_MAX;
    default:
        return size_max(cairn__option(OPTION_DIRTY_MAX) / UNIT_SIZE, used / DIRTY_SHARE);
    }
}

/* Locked memory cannot be given back: do not ask at every free. */
static bool refused_lately(void)
{
    uint64_t refused = atomic_load_explicit(&purge.refused, memory_order_relaxed);
    return refused != 0 && cairn__os_now() - refused < REFUSED_MS;
}

static bool purge_to(size_t keep)
{
    bool done = cairn__units_purge(keep);
    if (!done)
        atomic_store_explicit(&purge.refused, cairn__os_now(), memory_order_relaxed);
    return done;
}

/* One step: what neither this nor the last one needed goes back. */
static bool step(void)
{
    struct pool_figures figures = cairn__pool_figures();
    size_t peak = cairn__pool_recent_peak();
    size_t needed = size_max(peak, atomic_exchange(&purge.last_peak, peak));
    size_t keep = needed > figures.used ? needed - figures.used : 0;
    return purge_to(size_max(keep, DIRTY_FLOOR / UNIT_SIZE));
}

/* True for one caller, when the time has come. */
static bool step_is_due(void)
{
    uint64_t now = cairn__os_now();
    uint64_t next = atomic_load_explicit(&purge.next, memory_order_relaxed);
    return now >= next && atomic_compare_exchange_strong(&purge.next, &next,
                                                         now + cairn__option(OPTION_PURGE_DELAY));
}

/*
 * It ends when no more is to be done, or when the system refuses. Between its last look and the end
 * another thread may set the flag in vain: the next free sets it again.
 */
static void help(void)
{
    bool willing = true;
    while (willing && atomic_load_explicit(&cairn__purge_due, memory_order_relaxed)) {
        cairn__os_sleep(size_max(cairn__option(OPTION_PURGE_DELAY) / 2, 1));
        if (step_is_due())
            willing = step();
    }
    atomic_store(&purge.helper, false);
}

static bool start_helper(void)
{
    if (atomic_exchange(&purge.helper, true))
        return true;
    if (cairn__os_start_thread(help))
        return true;
    atomic_store(&purge.helper, false);
    return false;
}

void cairn__purge_attend(void)
{
    if (refused_lately() || cairn__option(OPTION_PURGE_DELAY) == OPTION_NEVER)
        return;
    struct pool_figures figures = cairn__pool_figures();
    if (figures.dirty > limit(figures.used) && !purge_to(limit(figures.used) / 4 * 3))
        return;
    if (cairn__option(OPTION_BACKGROUND) == BACKGROUND_AUTO &&
        atomic_load_explicit(&purge.threads, memory_order_relaxed) &&
        (atomic_load_explicit(&purge.helper, memory_order_relaxed) || start_helper()))
        return;
    if (step_is_due())
        step();
}

bool cairn__purge_all(void)
{
    bool some = cairn__pool_figures().dirty != 0;
    cairn__units_purge(0);
    return some;
}

void cairn__purge_in_child(void)
{
    atomic_store(&purge.helper, false);
    atomic_store(&purge.threads, false);
}
