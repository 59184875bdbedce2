/* SPDX-License-Identifier: MIT */
/* See unwind_step.h. */
#include "os/unwind_step.h"

#include "os/unwind_row.h"
#include "os/unwind_rule.h"

enum { FRAMES_MAX = 4096 }; /* of a second walk */

static bool load(struct unwind_walk *walk, uintptr_t address, uintptr_t *word)
{
    struct unwind_registers registers;
    registers.value[DWARF_STACK] = walk->stack;
    registers.reach = walk->reach;
    bool loaded = cairn__unwind_read(&registers, address, word);
    walk->reach = registers.reach;
    return loaded;
}

/* ---- with three registers ---- */

static const uint8_t signal_words[] = SIGNAL_WORDS;

static uintptr_t signal_registers(uintptr_t stack)
{
    return stack + SIGNAL_CONTEXT + SIGNAL_REGISTERS;
}

/* The stack may be another one: a handler can have its own. */
static bool step_into_signal(struct unwind_walk *walk)
{
    uintptr_t registers = signal_registers(walk->stack), stack, frame, link, pc;
    if (!load(walk, registers + signal_words[DWARF_STACK] * WORD, &stack) ||
        !load(walk, registers + signal_words[DWARF_FRAME] * WORD, &frame) ||
        !load(walk, registers + signal_words[DWARF_RETURN] * WORD, &link) ||
        !load(walk, registers + SIGNAL_PC * WORD, &pc) ||
        !cairn__unwind_reach(&walk->reach, stack, false))
        return false;
    walk->pc = pc;
    walk->stack = stack;
    walk->frame = frame;
    walk->link = link;
    walk->interrupted = true;
    return true;
}

static bool step_realigned(struct unwind_walk *walk, uint32_t rule)
{
    uintptr_t cfa, frame, pc;
    if (!load(walk, walk->frame - rule_cfa(rule), &cfa) || cfa <= walk->stack ||
        !load(walk, walk->frame, &frame) || !load(walk, cfa - WORD, &pc))
        return false;
    walk->pc = pc;
    walk->frame = frame;
    walk->stack = cfa;
    walk->interrupted = false;
    return true;
}

/* The return address still in its register: only where nothing was called yet. */
static bool step_bare(struct unwind_walk *walk, uint32_t rule)
{
    uintptr_t cfa = walk->stack + rule_cfa(rule), pc = walk->link;
    if (rule_frame(rule) == 0 ? !walk->interrupted : !load(walk, cfa - rule_frame(rule), &pc))
        return false;
    walk->pc = pc;
    walk->stack = cfa;
    walk->interrupted = false;
    return true;
}

/* ---- with all ---- */

static bool find_saved(struct unwind_registers *registers, uintptr_t base, struct saved saved,
                       uintptr_t cfa, uintptr_t *value)
{
    uintptr_t offset = (uintptr_t)(intptr_t)saved.value, address;
    switch (saved.how) {
    case SAVED_AT: /* what lies below the stack pointer was popped already */
        return cfa + offset < registers->value[DWARF_STACK] ||
               cairn__unwind_read(registers, cfa + offset, value);
    case SAVED_IS:
        *value = cfa + offset;
        return true;
    case SAVED_IN:
        if (offset < DWARF_COUNT)
            *value = registers->value[offset];
        return offset < DWARF_COUNT;
    case SAVED_AT_EXPRESSION:
        return cairn__unwind_evaluate(registers, cairn__unwind_expression(base, saved.value), cfa,
                                      &address) &&
               cairn__unwind_read(registers, address, value);
    case SAVED_IS_EXPRESSION:
        return cairn__unwind_evaluate(registers, cairn__unwind_expression(base, saved.value), cfa,
                                      value);
    default: /* as it is; or lost, and nobody may ask for it */
        return true;
    }
}

static bool step_by_row(struct unwind_registers *registers, uintptr_t base,
                        const struct unwind_row *row)
{
    struct unwind_registers caller = *registers;
    uintptr_t start = row->cfa.how == SAVED_IS ? registers->value[row->cfa_register] : 0, cfa;
    if (!find_saved(registers, base, row->cfa, start, &cfa) ||
        cfa < registers->value[DWARF_STACK] ||
        (cfa == registers->value[DWARF_STACK] && !registers->interrupted))
        return false;
    caller.value[DWARF_STACK] = cfa;
    for (unsigned i = 0; i < DWARF_COUNT; i++)
        if (!find_saved(registers, base, row->saved[i], cfa, &caller.value[i]))
            return false;
    caller.reach = registers->reach;
    caller.pc = plain_address(caller.value[DWARF_RETURN]);
    caller.interrupted = false;
    *registers = caller;
    return row->saved[DWARF_RETURN].how != SAVED_UNDEFINED;
}

static bool step_all_into_signal(struct unwind_registers *registers)
{
    struct unwind_registers caller;
    uintptr_t from = signal_registers(registers->value[DWARF_STACK]);
    for (unsigned i = 0; i < DWARF_COUNT; i++)
        if (!cairn__unwind_read(registers, from + signal_words[i] * WORD, &caller.value[i]))
            return false;
    caller.interrupted = true;
    if (!cairn__unwind_read(registers, from + SIGNAL_PC * WORD, &caller.pc) ||
        !cairn__unwind_reach(&caller.reach, caller.value[DWARF_STACK], false))
        return false;
    *registers = caller;
    return true;
}

static bool step_all(struct unwind_registers *registers)
{
    struct unwind_file file;
    struct unwind_entry entry;
    struct unwind_row row;
    uintptr_t address = registers->pc - !registers->interrupted;
    if (!is_code_address(registers->pc))
        return false;
    if (!cairn__unwind_file_of(address, &file) || !cairn__unwind_entry_of(&file, address, &entry))
        return cairn__unwind_is_signal_return(address) && step_all_into_signal(registers);
    if (entry.is_signal)
        return step_all_into_signal(registers);
    if (RETURN_BELOW_CFA) /* expressions mean the program counter by it */
        registers->value[DWARF_RETURN] = registers->pc;
    return cairn__unwind_row_of(&entry, address, &row) && step_by_row(registers, entry.base, &row);
}

/* ---- from here to there ---- */

/* Those that a function keeps, as they are now; and where that is. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define TAKE_REGISTERS(value, place)                                                               \
    __asm__ volatile("movq %%rbx, 24(%1)\n\tmovq %%rbp, 48(%1)\n\tmovq %%rsp, 56(%1)\n\t"          \
                     "movq %%r12, 96(%1)\n\tmovq %%r13, 104(%1)\n\tmovq %%r14, 112(%1)\n\t"        \
                     "movq %%r15, 120(%1)\n\tleaq 0f(%%rip), %0\n0:"                               \
                     : "=&r"(place)                                                                \
                     : "r"(value)                                                                  \
                     : "memory")
#elif defined(__aarch64__) && defined(__LP64__)
#define TAKE_REGISTERS(value, place)                                                               \
    __asm__ volatile("stp x19, x20, [%1, #152]\n\tstp x21, x22, [%1, #168]\n\t"                    \
                     "stp x23, x24, [%1, #184]\n\tstp x25, x26, [%1, #200]\n\t"                    \
                     "stp x27, x28, [%1, #216]\n\tstp x29, x30, [%1, #232]\n\t"                    \
                     "mov %0, sp\n\tstr %0, [%1, #248]\n\tadr %0, 0f\n0:"                          \
                     : "=&r"(place)                                                                \
                     : "r"(value)                                                                  \
                     : "memory")
#else
#define TAKE_REGISTERS(value, place) ((void)(value), (place) = 0)
#endif

static NOINLINE bool step_with_all(struct unwind_walk *walk, struct unwind_registers *all)
{
    if (all->pc == 0) {
        memset(all->value, 0, sizeof all->value);
        TAKE_REGISTERS(all->value, all->pc);
        all->interrupted = true;
        cairn__unwind_reach(&all->reach, all->value[DWARF_STACK], true);
    }
    for (unsigned i = 0; all->pc != walk->pc || all->value[DWARF_STACK] != walk->stack; i++)
        if (i == FRAMES_MAX || !step_all(all))
            return false;
    if (!step_all(all))
        return false;
    walk->pc = all->pc;
    walk->stack = all->value[DWARF_STACK];
    walk->frame = all->value[DWARF_FRAME];
    walk->reach = all->reach;
    walk->interrupted = false;
    return true;
}

bool cairn__unwind_step(struct unwind_walk *walk, uint32_t rule, struct unwind_registers *all)
{
    switch (rule_kind_of(rule)) {
    case RULE_SIGNAL:
        return step_into_signal(walk);
    case RULE_REALIGNED:
        return step_realigned(walk, rule);
    case RULE_BARE:
        return step_bare(walk, rule);
    case RULE_OTHER:
        return step_with_all(walk, all);
    default:
        return false;
    }
}
