/* SPDX-License-Identifier: MIT */
/* The registers of a frame, and what DWARF's expressions say about them (DWARF 4, section 2.5). */
#ifndef CAIRN_OS_UNWIND_EXPRESSION_H
#define CAIRN_OS_UNWIND_EXPRESSION_H

#include "os/unwind_bytes.h"
#include "os/unwind_machine.h"
#include "os/unwind_memory.h"

struct unwind_registers {
    uintptr_t value[DWARF_COUNT]; /* that of the stack pointer is a bound for what is read */
    uintptr_t pc;
    bool interrupted; /* pc was not returned to */
    struct reach reach;
};

/* Reads a word of the stack; false: it is not there. */
bool cairn__unwind_read(struct unwind_registers *registers, uintptr_t address, uintptr_t *word);

/* first: what lies on the expression's stack at its start. False: it cannot be worked out. */
bool cairn__unwind_evaluate(struct unwind_registers *registers, struct bytes expression,
                            uintptr_t first, uintptr_t *result);

#endif
