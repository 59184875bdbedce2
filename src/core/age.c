/* SPDX-License-Identifier: MIT */
/* See age.h. */
#include "core/age.h"

#include "core/waiting.h"

_Atomic uint32_t cairn__ticks;

void cairn__tick(struct heap *heap)
{
#if SLOTTED
    int64_t bytes = TICK_BYTES - heap->until_tick;
    atomic_fetch_add_explicit(&cairn__ticks, (uint32_t)(bytes / TICK_BYTES), memory_order_relaxed);
    heap->until_tick = TICK_BYTES - bytes % TICK_BYTES;
#else
    (void)heap;
#endif
}
