/* SPDX-License-Identifier: MIT */
/*
 * A row in 32 bits, if it is like nearly all: the caller's frame begins at the stack or the frame
 * pointer plus a number, and of the registers only the return address and the frame pointer are
 * wanted, which are saved in the usual places. From the highest bit on: the CFA, 14 bits; where the
 * frame pointer is, 14 bits; both in words; a kind of 4 bits, which is never 0.
 *
 * x86-64: the return address is the word below the CFA. The frame pointer is `frame` words below the
 * CFA; 1: unchanged.
 * aarch64: the frame pointer is `frame` words below the CFA, the return address in the word behind
 * it. RULE_BARE: only the return address is, in that word; 0: it is still in its register.
 */
#ifndef CAIRN_OS_UNWIND_RULE_H
#define CAIRN_OS_UNWIND_RULE_H

#include "base/config.h"
#include "os/unwind_file.h"

enum rule_kind {
    RULE_FROM_STACK = 2, /* CFA = stack pointer + cfa words */
    RULE_FROM_FRAME = 3, /* CFA = frame pointer + cfa words */
    RULE_RARE = 4,       /* those from here on */
    RULE_REALIGNED = 4,  /* x86-64: CFA = what lies cfa words below the frame pointer, which itself
                            points to the caller's */
    RULE_BARE,           /* aarch64: as RULE_FROM_STACK, the frame pointer is unchanged */
    RULE_SIGNAL,         /* what was interrupted is described by the kernel, on the stack */
    RULE_OTHER,          /* what does not fit; the row must be read */
    RULE_END             /* nobody called, or nobody knows who */
};

enum { RULE_KIND_BITS = 4, RULE_WORDS_BITS = 14, RULE_WORDS_MAX = (1 << RULE_WORDS_BITS) - 1 };
enum { RULE_UNCHANGED = 1 }; /* x86-64: the frame pointer */

static inline uint32_t rule_make(enum rule_kind kind, uint32_t cfa, uint32_t frame)
{
    return cfa << (RULE_KIND_BITS + RULE_WORDS_BITS) | frame << RULE_KIND_BITS | (uint32_t)kind;
}

static inline enum rule_kind rule_kind_of(uint32_t rule)
{
    return (enum rule_kind)(rule & ((1 << RULE_KIND_BITS) - 1));
}

static inline uintptr_t rule_cfa(uint32_t rule)
{
    return (uintptr_t)(rule >> (RULE_KIND_BITS + RULE_WORDS_BITS)) * sizeof(uintptr_t);
}

static inline uintptr_t rule_frame(uint32_t rule)
{
    return (uintptr_t)(rule >> RULE_KIND_BITS & RULE_WORDS_MAX) * sizeof(uintptr_t);
}

/* By the tables of the file that the address is in; the file must stay loaded meanwhile. */
uint32_t cairn__unwind_rule_in(const struct unwind_file *file, uintptr_t address);

/* Whether the code here is what handlers return to, in files without tables and in none. */
bool cairn__unwind_is_signal_return(uintptr_t address);

#endif
