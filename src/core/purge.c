/* SPDX-License-Identifier: MIT */
/* See purge.h. */
#include "core/purge.h"

#include "base/option.h"
#include "core/quarantine.h"
#include "core/recent.h"
#include "core/registry.h"
#include "core/retired.h"
#include "os/os.h"

/* Before the system is asked again for what it has refused. */
enum { REFUSED_MS = 500 };
/* More dirty units before somebody looks again: a look is two locks and a clock. */
enum { ALARM_STEP = 16 };

static struct {
    _Atomic bool helper;           /* the helper thread is there, or being started */
    _Atomic bool asleep;           /* it waits for the bell */
    uint32_t bell;                 /* counts; the kernel looks at it */
    _Atomic uint64_t next;         /* the clock, when the next step is due */
    _Atomic uint64_t refused;      /* the clock, when the system last refused; 0: never */
    _Atomic uint64_t last_end;     /* the clock, when a thread with much to give back last ended */
    _Atomic uint64_t credit_since; /* the clock, when a credit for threads' ends was used up */
    _Atomic size_t last_peak;      /* units in use at most, in the step before this one */
    _Atomic size_t reserved;       /* units that are kept whatever the options say */
} purge;

/* Purging goes by rows, of a chunk at most: it may give back so much more than it was told. */
static size_t reserved(void)
{
    size_t units = atomic_load_explicit(&purge.reserved, memory_order_relaxed);
    return units == 0 ? 0 : units + CHUNK_UNITS;
}

void cairn__purge_reserve(size_t units)
{
    atomic_store_explicit(&purge.reserved, units, memory_order_relaxed);
    atomic_store_explicit(&cairn__purge_due, true,
                          memory_order_relaxed); /* regions may go, or not */
}

/*
 * What was given back too early, lately, is kept the next time; no more than what is in use, so that
 * memory at most doubles, and a program whose use falls to a tenth does not keep the other nine.
 */
static size_t more_for_regret(struct pool_figures figures)
{
    return size_min(figures.regret, figures.used);
}

static size_t limit(struct pool_figures figures)
{
    size_t most = size_max(cairn__option(OPTION_DIRTY_MAX) / UNIT_SIZE, figures.used / DIRTY_SHARE);
    return size_max(cairn__option_kept(most + more_for_regret(figures)), reserved());
}

bool cairn__purge_is_unwanted(void)
{
    return reserved() != 0 || cairn__option(OPTION_PURGE_DELAY) == OPTION_NEVER;
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

/* One step: what neither this nor the last one needed goes back, but for what would come again. */
static bool step(void)
{
    cairn__registry_unpark(false);
    cairn__recent_flush_all();
    if (SLOTTED)
        cairn__retired_close(false);
    struct pool_figures figures = cairn__pool_figures();
    size_t peak = cairn__pool_step();
    size_t needed = size_max(peak, atomic_exchange(&purge.last_peak, peak));
    size_t keep = needed > figures.used ? needed - figures.used : 0;
    keep = size_max(keep, more_for_regret(figures) / 2);
    size_t rate = cairn__option(OPTION_PURGE_RATE) / UNIT_SIZE;
    keep = size_max(keep, figures.dirty > rate ? figures.dirty - rate : 0);
    return purge_to(size_max(keep, size_max(DIRTY_FLOOR / UNIT_SIZE, reserved())));
}

/* True for one caller, when the time has come. */
static bool step_is_due(void)
{
    uint64_t now = cairn__os_now();
    uint64_t next = atomic_load_explicit(&purge.next, memory_order_relaxed);
    return now >= next && atomic_compare_exchange_strong(&purge.next, &next,
                                                         now + cairn__option(OPTION_PURGE_DELAY));
}

static bool has_work(void)
{
    size_t keep = size_max(DIRTY_FLOOR / UNIT_SIZE, reserved());
    return cairn__registry_has_parked() || (SLOTTED && cairn__retired_has_open()) ||
           (cairn__pool_figures().dirty > keep && !refused_lately());
}

/*
 * The helper sleeps until the bell rings. It says that it sleeps, then looks once more; who has work
 * for it raises the flag, then looks whether it sleeps: one of the two sees the other.
 */
static void help(void)
{
    for (;;) {
        uint32_t heard = __atomic_load_n(&purge.bell, __ATOMIC_ACQUIRE);
        atomic_store(&purge.asleep, true);
        if (!has_work())
            cairn__os_wait(&purge.bell, heard);
        atomic_store(&purge.asleep, false);
        cairn__os_sleep(size_max(cairn__option(OPTION_PURGE_DELAY) / 2, 1));
        if (step_is_due())
            step();
    }
}

static void ring(void)
{
    if (atomic_exchange(&purge.asleep, false)) {
        __atomic_fetch_add(&purge.bell, 1, __ATOMIC_RELEASE);
        cairn__os_wake_one(&purge.bell);
    }
}

void cairn__purge_threads(void)
{
    size_t delay = cairn__option(OPTION_PURGE_DELAY);
    if (cairn__option(OPTION_BACKGROUND) != BACKGROUND_ALWAYS || delay == 0 ||
        delay == OPTION_NEVER)
        return;
    if (!atomic_exchange(&purge.helper, true) && !cairn__os_start_thread(help))
        atomic_store(&purge.helper, false);
}

void cairn__purge_attend(void)
{
    atomic_store_explicit(&cairn__purge_due, false, memory_order_relaxed);
    if (cairn__region_next(cairn__region_first()) != NULL && !cairn__purge_is_unwanted())
        cairn__regions_release(REGIONS_KEPT); /* with the memory that is in them */
    if (refused_lately() || cairn__option(OPTION_PURGE_DELAY) == OPTION_NEVER)
        return;
    struct pool_figures figures = cairn__pool_figures();
    size_t most = limit(figures);
    if (figures.dirty > most && !purge_to(size_max(most / 4 * 3, reserved())))
        return;
    if (atomic_load_explicit(&purge.helper, memory_order_relaxed))
        ring();
    else if (step_is_due())
        step();
    cairn__pool_set_alarm(size_min(most, cairn__pool_figures().dirty + ALARM_STEP),
                          atomic_load_explicit(&purge.next, memory_order_relaxed));
}

/* In proportion to the time since the last thread ended; nothing within a moment of it. */
static size_t allowance(uint64_t now)
{
    uint64_t last = atomic_exchange_explicit(&purge.last_end, now, memory_order_relaxed);
    if (now < last + THREAD_END_MOMENT) /* another thread may have looked later */
        return 0;
    uint64_t passed = now - last - THREAD_END_MOMENT;
    return size_min(passed, SIZE_LIMIT / THREAD_END_RATE) * (THREAD_END_RATE / UNIT_SIZE);
}

/* A credit that comes back slowly covers it: for the last of several threads that end together. */
static bool is_covered(uint64_t now, size_t units)
{
    uint64_t whole = (uint64_t)THREAD_END_CREDIT * THREAD_END_CREDIT_MS;
    uint64_t price = (uint64_t)units * THREAD_END_CREDIT_MS;
    uint64_t since = atomic_load_explicit(&purge.credit_since, memory_order_relaxed);
    uint64_t had = now < since ? 0 : now - since < whole ? now - since : whole;
    if (had < price)
        return false;
    atomic_store_explicit(&purge.credit_since, now - had + price, memory_order_relaxed);
    return true;
}

/*
 * Short threads, one after the other, would spend more time on fetching anew what the one before them left
 * than on their work: of what is beyond `keep`, not all goes back at each one's end.
 */
static void purge_some(size_t dirty, size_t keep)
{
    uint64_t now = cairn__os_now();
    size_t beyond = dirty - keep;
    size_t units = size_min(allowance(now), beyond);
    if (units < beyond && units < CHUNK_UNITS) /* purging goes by rows: less would be more */
        units = is_covered(now, beyond) ? beyond : 0;
    if (units != 0)
        purge_to(dirty - units);
}

void cairn__purge_after_thread(void)
{
    struct pool_figures figures = cairn__pool_figures();
    size_t most = cairn__option(OPTION_DIRTY_MAX) / UNIT_SIZE;
    size_t keep = size_max(most / DIRTY_AFTER_THREAD, figures.used / DIRTY_SHARE);
    size_t rate = cairn__option(OPTION_PURGE_RATE) / UNIT_SIZE;
    keep = size_max(keep, figures.dirty > rate ? figures.dirty - rate : 0);
    keep = size_max(keep, reserved());
    bool never = cairn__option(OPTION_PURGE_DELAY) == OPTION_NEVER;
    if (!never && figures.dirty > keep && keep < limit(figures) && !refused_lately())
        purge_some(figures.dirty, keep);
    if (cairn__registry_has_parked())
        ring();
    purge_attend();
}

bool cairn__purge_collect(void)
{
    bool some = cairn__registry_unpark(true);
    if (SLOTTED)
        some |= cairn__quarantine_flush();
    return cairn__recent_flush_all() || some;
}

bool cairn__purge_all(void)
{
    cairn__purge_reserve(0);
    cairn__purge_collect();
    if (SLOTTED)
        cairn__retired_close(true);
    bool some = cairn__pool_figures().dirty != 0;
    cairn__units_purge(0);
    cairn__pool_regret_nothing(); /* it was asked for */
    return some;
}

void cairn__purge_in_child(void)
{
    atomic_store(&purge.helper, false);
    atomic_store(&purge.asleep, false);
}
