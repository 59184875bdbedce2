/* SPDX-License-Identifier: MIT */
/* See gate.h. A waiter turns a little, lets others run, and then sleeps. */
#define _GNU_SOURCE
#include "replayer/gate.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 200, YIELDS = 4, SLEEP_NANOSECONDS = 5000000 };

static inline void pause_a_little(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void gates_prepare(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

void gate_init(struct gate *gate, uint64_t value)
{
    atomic_init(&gate->value, value);
    atomic_init(&gate->wanted, UINT64_MAX);
    atomic_init(&gate->bell, 0);
}

void gate_ring(struct gate *gate)
{
    atomic_store(&gate->wanted, UINT64_MAX);
    atomic_fetch_add(&gate->bell, 1);
    syscall(SYS_futex, &gate->bell, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

/* Lowers what is wanted; others may want less. */
static void want(struct gate *gate, uint64_t wanted)
{
    uint64_t held = atomic_load(&gate->wanted);

    while (held > wanted && !atomic_compare_exchange_weak(&gate->wanted, &held, wanted))
        ;
}

void gate_await(struct gate *gate, uint64_t wanted)
{
    static const struct timespec limit = {.tv_nsec = SLEEP_NANOSECONDS};

    for (unsigned i = 0; i < TURNS; i++) {
        if (gate_value(gate) >= wanted)
            return;
        pause_a_little();
    }
    for (unsigned i = 0; i < YIELDS; i++) {
        sched_yield();
        if (gate_value(gate) >= wanted)
            return;
    }
    while (gate_value(gate) < wanted) {
        uint32_t bell = atomic_load(&gate->bell);
        want(gate, wanted);
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        if (gate_value(gate) >= wanted)
            return;
        syscall(SYS_futex, &gate->bell, FUTEX_WAIT_PRIVATE, bell, &limit, NULL, 0);
    }
}
