/* SPDX-License-Identifier: MIT */
/* The kinds that a stack can end in, by name: those that are not put around another. */
#include "cairn/heap.h"
#include "entry/stack_rows.h"

static const struct stack_option NO_OPTIONS[] = {STACK_END};

static bool system_make(struct stack_node *node)
{
    node->allocator = node->system;
    return true;
}

const struct stack_kind cairn__stack_system = {
    .name = "system",
    .options = NO_OPTIONS,
    .thread_safe = true,
    .fork_safe = true,
    .make = system_make,
};

static bool heap_make(struct stack_node *node)
{
    node->allocator = cairn_heap_allocator(NULL);
    return true;
}

const struct stack_kind cairn__stack_heap = {
    .name = "heap",
    .options = NO_OPTIONS,
    .thread_safe = true,
    .fork_safe = true,
    .make = heap_make,
};
