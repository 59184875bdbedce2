/* SPDX-License-Identifier: MIT */
/*
 * The steps of a walk that do not fit the rules of the many: into what a signal interrupted, over
 * frames that were aligned anew, and, with all registers, by whatever the tables say.
 *
 * A walk knows three registers. Where another one is needed, the stack is walked once more with all
 * of them, from here on: through these functions to the place where the walk is.
 */
#ifndef CAIRN_OS_UNWIND_STEP_H
#define CAIRN_OS_UNWIND_STEP_H

#include "os/unwind_expression.h"

struct unwind_walk {
    uintptr_t pc;    /* returned to, or interrupted */
    uintptr_t stack; /* the stack pointer there */
    uintptr_t frame; /* the register that is the frame pointer, in functions that have one */
    uintptr_t link;  /* aarch64: the register of the return address, if interrupted */
    struct reach reach;
    bool interrupted;
};

/* By a rule that is neither RULE_FROM_STACK nor RULE_FROM_FRAME. all: with pc 0 at the walk's start,
 * and then for it to keep. False: here it ends. */
bool cairn__unwind_step(struct unwind_walk *walk, uint32_t rule, struct unwind_registers *all);

#endif
