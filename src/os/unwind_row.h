/* SPDX-License-Identifier: MIT */
/*
 * What an entry says of one address: where the caller's frame begins (its canonical frame address,
 * CFA: the stack pointer as it was before the call), and where the caller's registers are. Entries
 * are programs that build such rows from the function's start on (DWARF 4, section 6.4).
 */
#ifndef CAIRN_OS_UNWIND_ROW_H
#define CAIRN_OS_UNWIND_ROW_H

#include "os/unwind_entry.h"
#include "os/unwind_machine.h"

enum saved_how {
    SAVED_NOT, /* unchanged */
    SAVED_AT,  /* in memory, value bytes from the CFA */
    SAVED_IS,  /* the CFA plus value */
    SAVED_IN,  /* in register number value */
    SAVED_AT_EXPRESSION,
    SAVED_IS_EXPRESSION,
    SAVED_UNDEFINED
};

/* An expression's value is where its length stands, counted from the entry's base. */
struct saved {
    uint32_t how;
    int32_t value;
};

struct unwind_row {
    struct saved cfa;      /* SAVED_IS: register cfa_register plus value; or SAVED_IS_EXPRESSION */
    uint32_t cfa_register; /* below DWARF_COUNT */
    struct saved saved[DWARF_COUNT];
};

/* False: the program is broken, or does what is not known. */
bool cairn__unwind_row_of(const struct unwind_entry *entry, uintptr_t address,
                          struct unwind_row *row);

/* The bytes of an expression. */
struct bytes cairn__unwind_expression(uintptr_t base, int32_t value);

#endif
