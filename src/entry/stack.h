/* SPDX-License-Identifier: MIT */
/* cairn/stack.h from inside: the process's stack says what `system` is. */
#ifndef CAIRN_ENTRY_STACK_H
#define CAIRN_ENTRY_STACK_H

#include "cairn/stack.h"

/* cairn_stack_create, with the allocator that is called `system`; error not NULL. */
cairn_stack *cairn__stack_create(const char *text, cairn_allocator memory, cairn_allocator system,
                                 cairn_stack_error *error);

/* Whether a fork in one thread, while others are in the stack, leaves the child a usable one. */
bool cairn__stack_is_fork_safe(const cairn_stack *stack);

/* Whether a part of it would end a program that frees what is no block, or frees it twice. */
bool cairn__stack_stops_crimes(const cairn_stack *stack);

/* In libcairn-stack alone: whether its malloc handed this block out. */
bool cairn__stack_owns(const void *block);

#endif
