/* SPDX-License-Identifier: MIT */
/* The core, through its bridge: the heaps of the threads, and a separate one. */
#include "cairn/heap.h"

#include "contract/contract.h"

static void *threads_make(cairn_allocator source)
{
    (void)source;
    static char state;
    return &state;
}

static cairn_allocator threads_allocator(void *state)
{
    (void)state;
    return cairn_heap_allocator(NULL);
}

static void threads_end(void *state)
{
    (void)state;
}

CONTRACT_KIND(threads, .name = "heap", .reuses = true, .make = threads_make,
              .allocator = threads_allocator, .end = threads_end);

static void *separate_make(cairn_allocator source)
{
    (void)source;
    return cairn_heap_create("contract");
}

static cairn_allocator separate_allocator(void *state)
{
    return cairn_heap_allocator(state);
}

static void separate_end(void *state)
{
    cairn_heap_destroy(state);
}

CONTRACT_KIND(separate, .name = "heap:separate", .reuses = true, .make = separate_make,
              .allocator = separate_allocator, .end = separate_end, .ends_with_live_blocks = true);
