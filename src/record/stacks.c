/* SPDX-License-Identifier: MIT */
/*
 * See stacks.h. A table with open addressing, without locks: a word an entry, 0 if it is free, else
 * a part of the stack's hash (39 bits; its place says more), whether it was sent, and its number. Who
 * finds an entry that was not sent, because the other is about to or was stopped, sends it, too.
 *
 * The table grows with the stacks, in place: an entry that a smaller table had elsewhere is copied
 * when it is next asked for, with its number.
 *
 * The hash covers how often files were unloaded: after that, the same addresses may be other calls.
 */
#define _GNU_SOURCE
#include "record/stacks.h"

#include <errno.h>

#include "os/unwind.h"
#include "record/lane.h"
#include "record/modules.h"

enum { STACK_PROBES = 64, NUMBER_BITS = 24, LEAST_TABLE = 1 << 12 };
enum { OWN_CALLS = 7 };

#define SENT       (UINT64_C(1) << NUMBER_BITS)
#define HASH_SHIFT (NUMBER_BITS + 1)

/* This library, as the linker laid it out. */
extern const char __ehdr_start[] HIDDEN, _etext[] HIDDEN;

struct calls {
    unsigned count;
    const uintptr_t *frames;
};

static struct calls calls_outside(const uintptr_t *frames, unsigned count)
{
    unsigned own = 0;

    while (own < count &&
           frames[own] - (uintptr_t)__ehdr_start <= (uintptr_t)_etext - (uintptr_t)__ehdr_start)
        own++;
    return (struct calls){count - own, frames + own};
}

static uint64_t hash_of(const struct calls *calls, uint64_t seed)
{
    uint64_t hash = seed * UINT64_C(0x9e3779b97f4a7c15) + calls->count;

    for (unsigned i = 0; i < calls->count; i++) {
        hash = (hash ^ calls->frames[i]) * UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 29;
    }
    hash *= UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 32;
}

static bool send(const struct calls *calls, uint32_t number)
{
    return cairn__lane_blob(RING_STACK, number, (const uint64_t *)calls->frames, calls->count);
}

static uint64_t part_of(uint64_t hash)
{
    return hash >> HASH_SHIFT << HASH_SHIFT;
}

/* Only so much of the table is used as the stacks need: what is looked at often stays in a cache. */
static uint64_t mask_now(void)
{
    uint64_t stacks = atomic_load_explicit(&cairn__channel.process->stacks, memory_order_relaxed);
    uint64_t size = (uint64_t)LEAST_TABLE;

    while (size < 4 * stacks && size < STACK_TABLE)
        size *= 2;
    return size - 1;
}

static _Atomic uint64_t *look(uint64_t hash, uint64_t mask)
{
    for (unsigned i = 0; i < STACK_PROBES; i++) {
        _Atomic uint64_t *entry = &cairn__channel.process->table[(hash + i) & mask];
        uint64_t seen = atomic_load_explicit(entry, memory_order_acquire);
        if (seen == 0)
            return NULL;
        if (part_of(seen) == part_of(hash))
            return entry;
    }
    return NULL;
}

/* NULL: there is no room for it. */
static _Atomic uint64_t *put(uint64_t hash, uint64_t mask, uint64_t value)
{
    for (unsigned i = 0; i < STACK_PROBES; i++) {
        _Atomic uint64_t *entry = &cairn__channel.process->table[(hash + i) & mask];
        uint64_t seen = 0;
        if (atomic_compare_exchange_strong_explicit(entry, &seen, value, memory_order_acq_rel,
                                                    memory_order_acquire) ||
            part_of(seen) == part_of(hash))
            return entry;
    }
    return NULL;
}

/* As long as the table was smaller, entries were put elsewhere: those still needed come over. */
static COLD _Atomic uint64_t *find_or_make(uint64_t hash, uint64_t mask)
{
    for (uint64_t older = mask >> 1; older >= LEAST_TABLE - 1; older >>= 1) {
        _Atomic uint64_t *entry = look(hash, older);
        if (entry != NULL)
            return put(hash, mask, atomic_load_explicit(entry, memory_order_acquire));
    }
    uint64_t number = atomic_fetch_add_explicit(&cairn__channel.process->stacks, 1,
                                                memory_order_relaxed) +
                      1;
    return number <= RING_STACK_NUMBER ? put(hash, mask, part_of(hash) | number) : NULL;
}

/* The entry of this hash, made if need be; NULL: there is no room for it. */
static inline _Atomic uint64_t *find(uint64_t hash)
{
    uint64_t mask = mask_now();
    _Atomic uint64_t *entry = look(hash, mask);
    return LIKELY(entry != NULL) ? entry : find_or_make(hash, mask);
}

static COLD uint32_t first_seen(const struct calls *calls, _Atomic uint64_t *entry)
{
    if (entry == NULL)
        return send(calls, RING_STACK_NEXT) ? RING_STACK_NEXT : 0;
    uint32_t number = (uint32_t)atomic_load_explicit(entry, memory_order_relaxed) &
                      RING_STACK_NUMBER;
    if (!send(calls, number))
        return 0;
    /* Release: who sees this uses the number after it was sent. */
    atomic_fetch_or_explicit(entry, SENT, memory_order_release);
    return number;
}

static unsigned unwind(uintptr_t *frames, unsigned depth)
{
    return cairn__unwind(frames, depth + OWN_CALLS);
}

static uint32_t number_of(struct calls *calls, bool *is_new)
{
    struct process *process = cairn__channel.process;
    _Atomic uint64_t *entry = find(
        hash_of(calls, atomic_load_explicit(&process->subs, memory_order_relaxed)));
    uint64_t seen = entry == NULL ? 0 : atomic_load_explicit(entry, memory_order_acquire);

    *is_new = (seen & SENT) == 0;
    return *is_new ? 0 : (uint32_t)seen & RING_STACK_NUMBER;
}

static COLD uint32_t look_again(uintptr_t *frames, unsigned depth, struct calls *calls)
{
    struct process *process = cairn__channel.process;

    if (cairn__modules_changed()) {
        cairn__unwind_forget();
        cairn__unwind_prepare();
        cairn__modules_send();
        *calls = calls_outside(frames, unwind(frames, depth));
        if (calls->count > depth)
            calls->count = depth;
    }
    return first_seen(
        calls, find(hash_of(calls, atomic_load_explicit(&process->subs, memory_order_relaxed))));
}

/* frames: room for depth + OWN_CALLS. */
static inline __attribute__((always_inline)) uint32_t number_within(uintptr_t *frames,
                                                                    unsigned depth)
{
    struct calls calls = calls_outside(frames, unwind(frames, depth));
    bool is_new;

    if (calls.count > depth)
        calls.count = depth;
    if (calls.count == 0)
        return 0;
    uint32_t number = number_of(&calls, &is_new);
    return LIKELY(!is_new) ? number : look_again(frames, depth, &calls);
}

static NOINLINE uint32_t number_deep(unsigned depth)
{
    uintptr_t frames[RING_DEPTH_MOST + OWN_CALLS];
    return number_within(frames, depth);
}

/* The stack that this runs on may be a small one. */
NOINLINE uint32_t cairn__stacks_number(unsigned depth)
{
    enum { USUAL_DEPTH = 64 };
    uintptr_t frames[USUAL_DEPTH + OWN_CALLS];
    return depth <= USUAL_DEPTH ? number_within(frames, depth) : number_deep(depth);
}
