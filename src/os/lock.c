/* SPDX-License-Identifier: MIT */
/* See lock.h. */
#include "os/lock.h"

#include "os/os.h"

/* Critical sections are some tens of instructions: look again a few times before sleeping. */
enum { SPINS = 100 };

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void cairn__lock_wait(struct lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t free = 0;
        if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_weak_explicit(&lock->word, &free, 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        pause_briefly();
    }
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        cairn__os_wait((uint32_t *)&lock->word, 2);
}

void cairn__lock_wake(struct lock *lock)
{
    cairn__os_wake_one((uint32_t *)&lock->word);
}
