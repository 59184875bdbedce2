/* SPDX-License-Identifier: MIT */
/* See unwind_memory.h. Linux. */
#define _GNU_SOURCE
#include "os/unwind_memory.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/quiet.h"
#include "os/os.h"
#include "os/place.h"

/* STEP: no system has smaller pages. FAR: of a stack, that is asked for in one go. */
enum { STEP = 4096, FAR = 1 << 20, RECORDS_BITS = 10 };

/*
 * Of a thread, found by its thread pointer: [low, high) is on its stack and can be read; at `hole`,
 * below, is nothing. Other threads may fall on the same record and write their own: check tells.
 *   check = thread pointer ^ low ^ high ^ hole
 * A thread may have the thread pointer of one that ended; its stack lies in the same place then, and
 * what is read is always between its own stack pointer and that place.
 */
struct record {
    _Atomic uintptr_t check, low, high, hole;
};

static struct {
    struct record records[1 << RECORDS_BITS];
    _Atomic bool asks_otherwise; /* by a slower system call, which may be forbidden */
    _Atomic uintptr_t
        first_thread; /* its pointer, if it has prepared: later that is a system call */
} memory;

bool cairn__unwind_is_readable(uintptr_t address)
{
    if (atomic_load_explicit(&memory.asks_otherwise, memory_order_relaxed)) {
        cairn__quiet_begin();
        bool is_readable = cairn__os_is_readable((const void *)address, 1);
        cairn__quiet_end();
        return is_readable;
    }
    /* Waits for no time at all, if the word there happens to be this one. */
    enum { UNLIKELY_WORD = 0x5ca1ab1e };
    const struct timespec none = {0, 0};
    int saved = errno;
    long result = syscall(SYS_futex, round_down(address, 8), FUTEX_WAIT_PRIVATE, UNLIKELY_WORD,
                          &none, NULL, 0);
    bool readable = result == 0 || errno != EFAULT;
    errno = saved;
    return readable;
}

/* Valgrind and emulators may not know such a question. */
void cairn__unwind_memory_prepare(void)
{
    uintptr_t word = 0;
    bool answers = !cairn__is_watched() && cairn__unwind_is_readable((uintptr_t)&word) &&
                   !cairn__unwind_is_readable(8);
    atomic_store_explicit(&memory.asks_otherwise, !answers, memory_order_relaxed);
    if (cairn__os_thread_id() == cairn__os_process_id())
        atomic_store_explicit(&memory.first_thread, cairn__os_thread_mark(), memory_order_relaxed);
}

/* The first page of those that hold [from, end) that cannot be read; 0: all can. */
static uintptr_t hole_in(uintptr_t from, uintptr_t end)
{
    for (uintptr_t page = round_down(from, STEP); page < end; page += STEP)
        if (!cairn__unwind_is_readable(page))
            return page;
    return 0;
}

bool cairn__unwind_extend(struct reach *reach, uintptr_t end)
{
    if (end <= reach->limit)
        return true;
    if (end - reach->limit > FAR || hole_in(reach->limit, end) != 0)
        return false;
    reach->limit = round_up(end, STEP);
    return true;
}

/* ---- this thread's own stack ---- */

/* The record for a thread pointer; its low, high and hole. */
struct known {
    struct record *record;
    uintptr_t thread, low, high, hole;
};

static bool look_up(struct known *known)
{
    known->thread = cairn__os_thread_mark();
    uint64_t mixed = (uint64_t)known->thread * 0x9E3779B97F4A7C15u;
    struct record *record = known->record = &memory.records[mixed >> (64 - RECORDS_BITS)];
    known->low = atomic_load_explicit(&record->low, memory_order_relaxed);
    known->high = atomic_load_explicit(&record->high, memory_order_relaxed);
    known->hole = atomic_load_explicit(&record->hole, memory_order_relaxed);
    uintptr_t check = atomic_load_explicit(&record->check, memory_order_relaxed);
    return known->low != 0 && (check ^ known->low ^ known->high ^ known->hole) == known->thread;
}

static void write_down(const struct known *known)
{
    struct record *record = known->record;
    atomic_store_explicit(&record->low, known->low, memory_order_relaxed);
    atomic_store_explicit(&record->high, known->high, memory_order_relaxed);
    atomic_store_explicit(&record->hole, known->hole, memory_order_relaxed);
    atomic_store_explicit(&record->check, known->thread ^ known->low ^ known->high ^ known->hole,
                          memory_order_relaxed);
}

/* Where this thread's stack ends, or a place shortly before. */
static uintptr_t end_of_stack(uintptr_t thread)
{
    uintptr_t first = atomic_load_explicit(&memory.first_thread, memory_order_relaxed);
    bool is_first = first != 0 ? thread == first : cairn__os_thread_id() == cairn__os_process_id();
    return round_down(is_first ? (uintptr_t)getauxval(AT_RANDOM) : thread, sizeof(uintptr_t));
}

/* Extends what is known of the thread's stack down to the stack pointer. False: it is not on it. */
static NOINLINE bool extend_down(struct known *known, bool is_known, uintptr_t stack)
{
    if (!is_known) {
        known->low = known->high = end_of_stack(known->thread);
        known->hole = 0;
    }
    bool is_near = stack > known->hole && stack < known->low && known->low - stack <= FAR;
    uintptr_t hole = is_near ? hole_in(stack, known->low) : 0;
    if (hole != 0)
        known->hole = hole;
    else if (is_near)
        known->low = round_down(stack, STEP);
    if (is_near || !is_known)
        write_down(known);
    return is_near && hole == 0;
}

bool cairn__unwind_reach(struct reach *reach, uintptr_t stack, bool is_own)
{
    struct known known;
    bool is_known = look_up(&known);
    if (LIKELY(is_known && stack - known.low < known.high - known.low)) {
        reach->limit = known.high;
        return true;
    }
    if (is_own && extend_down(&known, is_known, stack)) {
        reach->limit = known.high;
        return true;
    }
    reach->limit = round_down(stack, STEP) + STEP;
    return is_own || cairn__unwind_is_readable(stack);
}
