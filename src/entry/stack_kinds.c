/* SPDX-License-Identifier: MIT */
/*
 * The kinds that a stack can be made of: their names, their options, and how each is made. A row
 * here, its three functions above, and the kind can be a process's malloc.
 */
#include <string.h>

#include "base/config.h"
#include "base/print.h"
#include "cairn/checked.h"
#include "cairn/failing.h"
#include "cairn/fallback.h"
#include "cairn/heap.h"
#include "cairn/limited.h"
#include "cairn/locked.h"
#include "cairn/segregated.h"
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

/* Says why a kind cannot be made. */
static void stack_refuse(struct stack_node *node, const char *what, const char *which)
{
    struct text line = {node->error->text, sizeof node->error->text - 1, 0};
    cairn__text_put(&line, what);
    cairn__text_put(&line, which);
    line.data[line.length] = '\0';
}

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

/* ---- locked, limited, failing ---- */

static bool locked_make(struct stack_node *node)
{
    cairn_locked *locked = NEW_STATE(node, cairn_locked);
    if (locked == NULL)
        return false;
    cairn_locked_init(locked, below(node));
    node->allocator = cairn_locked_allocator(locked);
    return true;
}

static void locked_end(struct stack_node *node)
{
    cairn_locked_fini(node->state);
    END_STATE(node, cairn_locked);
}

enum { LIMITED_BYTES, LIMITED_BLOCKS };

static const struct stack_option LIMITED_OPTIONS[] = {
    {"", STACK_SIZE, LIMITED_BYTES, 1},
    {"bytes", STACK_SIZE, LIMITED_BYTES, 1},
    {"blocks", STACK_COUNT, LIMITED_BLOCKS, 1},
    {NULL, STACK_WORD, 0, 0},
};

static bool limited_make(struct stack_node *node)
{
    cairn_limited *limited = NEW_STATE(node, cairn_limited);
    if (limited == NULL)
        return false;
    cairn_limited_opts opts = {.max_bytes = node->values[LIMITED_BYTES],
                               .max_blocks = node->values[LIMITED_BLOCKS]};
    cairn_limited_init(limited, below(node), &opts);
    node->allocator = cairn_limited_allocator(limited);
    return true;
}

static void limited_end(struct stack_node *node)
{
    cairn_limited_fini(node->state);
    END_STATE(node, cairn_limited);
}

static const char *limited_audit(const struct stack_node *node)
{
    return cairn_limited_audit(node->state);
}

enum { FAILING_AT, FAILING_EVERY, FAILING_FROM, FAILING_LARGER, FAILING_PERCENT, FAILING_SEED };

static const struct stack_option FAILING_OPTIONS[] = {
    {"nth", STACK_COUNT, FAILING_AT, 1},
    {"every", STACK_COUNT, FAILING_EVERY, 1},
    {"from", STACK_COUNT, FAILING_FROM, 1},
    {"larger", STACK_SIZE, FAILING_LARGER, 1},
    {"percent", STACK_COUNT, FAILING_PERCENT, 0},
    {"seed", STACK_COUNT, FAILING_SEED, 0},
    {NULL, STACK_WORD, 0, 0},
};

static bool failing_make(struct stack_node *node)
{
    cairn_failing *failing = NEW_STATE(node, cairn_failing);
    if (failing == NULL)
        return false;
    cairn_failing_opts opts = {
        .at = node->values[FAILING_AT],
        .every = node->values[FAILING_EVERY],
        .from = node->values[FAILING_FROM],
        .larger_than = node->values[FAILING_LARGER],
        .probability = (double)node->values[FAILING_PERCENT] / 100,
        .seed = node->values[FAILING_SEED],
    };
    cairn_failing_init(failing, below(node), &opts);
    node->allocator = cairn_failing_allocator(failing);
    return true;
}

static void failing_end(struct stack_node *node)
{
    cairn_failing_fini(node->state);
    END_STATE(node, cairn_failing);
}

/* ---- fallback, segregated ---- */

static bool fallback_make(struct stack_node *node)
{
    cairn_fallback *fallback = NEW_STATE(node, cairn_fallback);
    if (fallback == NULL)
        return false;
    cairn_allocator first = node->children[0]->allocator;
    if (!cairn_fallback_init(fallback, first, node->children[1]->allocator)) {
        END_STATE(node, cairn_fallback);
        stack_refuse(node, "cannot tell its own blocks, as fallback's first must: ",
                     node->children[0]->kind->name);
        return false;
    }
    node->allocator = cairn_fallback_allocator(fallback);
    return true;
}

static void fallback_end(struct stack_node *node)
{
    cairn_fallback_fini(node->state);
    END_STATE(node, cairn_fallback);
}

enum { SEGREGATED_THRESHOLD };

static const struct stack_option SEGREGATED_OPTIONS[] = {
    {"", STACK_SIZE, SEGREGATED_THRESHOLD, 1},
    {NULL, STACK_WORD, 0, 0},
};

static bool segregated_make(struct stack_node *node)
{
    cairn_segregated *segregated = NEW_STATE(node, cairn_segregated);
    if (segregated == NULL)
        return false;
    cairn_segregated_init(segregated, node->children[0]->allocator, node->children[1]->allocator,
                          node->values[SEGREGATED_THRESHOLD]);
    node->allocator = cairn_segregated_allocator(segregated);
    return true;
}

static void segregated_end(struct stack_node *node)
{
    cairn_segregated_fini(node->state);
    END_STATE(node, cairn_segregated);
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
    {.name = "locked",
     .options = NO_OPTIONS,
     .most_children = 1,
     .thread_safe = true,
     .locks = true,
     .make = locked_make,
     .end = locked_end},
    {.name = "limited",
     .options = LIMITED_OPTIONS,
     .most_children = 1,
     .required_option = true,
     .thread_safe = true,
     .fork_safe = true,
     .make = limited_make,
     .end = limited_end,
     .audit = limited_audit},
    {.name = "failing",
     .options = FAILING_OPTIONS,
     .most_children = 1,
     .thread_safe = true,
     .fork_safe = true,
     .make = failing_make,
     .end = failing_end},
    {.name = "fallback",
     .options = NO_OPTIONS,
     .least_children = 2,
     .most_children = 2,
     .thread_safe = true,
     .fork_safe = true,
     .make = fallback_make,
     .end = fallback_end},
    {.name = "segregated",
     .options = SEGREGATED_OPTIONS,
     .least_children = 2,
     .most_children = 2,
     .required_option = true,
     .thread_safe = true,
     .fork_safe = true,
     .make = segregated_make,
     .end = segregated_end},
    {.name = NULL},
};
