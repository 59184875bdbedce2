/* SPDX-License-Identifier: MIT */
/*
 * What the rows of stacks share: each kind is a struct stack_kind beside its functions, and a line
 * in the table of stack_kinds.c. Options not said are 0, which the kinds take for their defaults.
 */
#ifndef CAIRN_ENTRY_STACK_ROWS_H
#define CAIRN_ENTRY_STACK_ROWS_H

#include "base/config.h"
#include "base/print.h"
#include "entry/stack_text.h"

/* The allocator below: the child, or where stacks take their memory from. */
static inline cairn_allocator stack_below(const struct stack_node *node)
{
    return node->child_count > 0 ? node->children[0]->allocator : node->memory;
}

/* Storage for the state of a kind that lives in its user's; NULL: no memory. */
#define NEW_STATE(node, T)                                                                         \
    ((node)->state = cairn_allocator_alloc((node)->memory, cairn_layout_of(T)))
#define END_STATE(node, T)                                                                         \
    cairn_allocator_dealloc((node)->memory, (node)->state, cairn_layout_of(T))

/* Says why a kind cannot be made. */
static inline void stack_refuse(struct stack_node *node, const char *what, const char *which)
{
    struct text line = {node->error->text, sizeof node->error->text - 1, 0};
    cairn__text_put(&line, what);
    cairn__text_put(&line, which);
    line.data[line.length] = '\0';
}

/* The end of a kind's options. */
#define STACK_END                                                                                  \
    {                                                                                              \
        NULL, STACK_WORD, 0, 0                                                                     \
    }

/* sources */
extern const struct stack_kind cairn__stack_arena, cairn__stack_atomic_pool,
    cairn__stack_cached_pool, cairn__stack_buddy, cairn__stack_bump, cairn__stack_fit,
    cairn__stack_foreign, cairn__stack_heap, cairn__stack_numa, cairn__stack_pool,
    cairn__stack_slab, cairn__stack_slab_set, cairn__stack_system;

/* wrappers */
extern const struct stack_kind cairn__stack_checked, cairn__stack_counted, cairn__stack_failing,
    cairn__stack_fallback, cairn__stack_guarded, cairn__stack_limited, cairn__stack_locked,
    cairn__stack_segregated, cairn__stack_timed, cairn__stack_traced;

#endif
