/* SPDX-License-Identifier: MIT */
/*
 * The kinds that a stack can be made of: their names, their options, and how each is made. A row
 * here, its three functions above, and the kind can be a process's malloc.
 */
#include <string.h>

#include "base/config.h"
#include "cairn/checked.h"
#include "cairn/heap.h"
#include "entry/stack_text.h"

/* ---- what the rows share ---- */

/* The allocator below: the child, or where stacks take their memory from. */
static cairn_allocator below(const struct stack_node *node)
{
    return node->child_count > 0 ? node->children[0]->allocator : node->memory;
}

/* Storage for the state of a kind that lives in its user's; NULL: no memory. */
#define NEW_STATE(node, T)                                                                         \
    ((node)->state = cairn_allocator_alloc((node)->memory, cairn_layout_of(T)))
#define END_STATE(node, T)                                                                         \
    cairn_allocator_dealloc((node)->memory, (node)->state, cairn_layout_of(T))

static const struct stack_option NO_OPTIONS[] = {{NULL, STACK_WORD, 0, 0}};

/* ---- leaves ---- */

static bool system_make(struct stack_node *node)
{
    node->allocator = node->system;
    return true;
}

static bool heap_make(struct stack_node *node)
{
    node->allocator = cairn_heap_allocator(NULL);
    return true;
}

/* ---- checked ---- */

enum { CHECKED_BLOCKS, CHECKED_BYTES, CHECKED_AT_ONCE };

static const struct stack_option CHECKED_OPTIONS[] = {
    {"blocks", STACK_COUNT, CHECKED_BLOCKS, 1},
    {"bytes", STACK_SIZE, CHECKED_BYTES, 1},
    {"no_quarantine", STACK_WORD, CHECKED_AT_ONCE, 1},
    {NULL, STACK_WORD, 0, 0},
};

static bool checked_make(struct stack_node *node)
{
    cairn_checked *checked = NEW_STATE(node, cairn_checked);
    if (checked == NULL)
        return false;
    cairn_checked_opts opts = {
        .records = node->memory,
        .quarantine_blocks = node->values[CHECKED_BLOCKS],
        .quarantine_bytes = node->values[CHECKED_BYTES],
        .no_quarantine = node->values[CHECKED_AT_ONCE] != 0,
    };
    cairn_checked_init(checked, below(node), &opts);
    node->allocator = cairn_checked_allocator(checked);
    return true;
}

static void checked_end(struct stack_node *node)
{
    cairn_checked_fini(node->state);
    END_STATE(node, cairn_checked);
}

static const char *checked_audit(const struct stack_node *node)
{
    return cairn_checked_audit(node->state);
}

/* ---- the table ---- */

const struct stack_kind cairn__stack_kinds[] = {
    {.name = "system",
     .options = NO_OPTIONS,
     .thread_safe = true,
     .fork_safe = true,
     .make = system_make},
    {.name = "heap",
     .options = NO_OPTIONS,
     .thread_safe = true,
     .fork_safe = true,
     .make = heap_make},
    {.name = "checked",
     .options = CHECKED_OPTIONS,
     .most_children = 1,
     .thread_safe = true,
     .make = checked_make,
     .end = checked_end,
     .audit = checked_audit},
    {.name = NULL},
};
