/* SPDX-License-Identifier: MIT */
/*
 * A number that one thread raises and others wait for. Raising is a store and a load of the same
 * cache line; who waits makes sure that it is seen: it writes down from which value on it wants to
 * be woken, has the kernel put a barrier into all threads (membarrier(2)), looks once more, and then
 * sleeps. Where there is no membarrier a wake-up can be missed; the sleep is short, so that costs
 * time only.
 */
#ifndef CAIRN_TOOLS_REPLAYER_GATE_H
#define CAIRN_TOOLS_REPLAYER_GATE_H

#include <stdatomic.h>
#include <stdint.h>

struct gate {
    _Alignas(64) _Atomic uint64_t value;
    _Atomic uint64_t wanted; /* from this value on somebody wants to be woken */
    _Atomic uint32_t bell;   /* rung by adding 1: the futex */
};

/* Once, before there is a second thread. */
void gates_prepare(void);

void gate_init(struct gate *gate, uint64_t value);

/* Wakes those who wait. Not for calling directly. */
void gate_ring(struct gate *gate);

/* Until the value is `wanted` or more. What the raising thread did before is seen then. */
void gate_await(struct gate *gate, uint64_t wanted);

/* The owner's alone. The value never falls. */
static inline void gate_raise(struct gate *gate, uint64_t value)
{
    atomic_store_explicit(&gate->value, value, memory_order_release);
    atomic_signal_fence(
        memory_order_seq_cst); /* the compiler keeps the order, membarrier the rest */
    if (__builtin_expect(value >= atomic_load_explicit(&gate->wanted, memory_order_relaxed), 0))
        gate_ring(gate);
}

static inline uint64_t gate_value(const struct gate *gate)
{
    return atomic_load_explicit(&gate->value, memory_order_acquire);
}

#endif
