/* SPDX-License-Identifier: MIT */
/* See unwind_rule.h. */
#include "os/unwind_rule.h"

#include "base/bits.h"
#include "os/unwind_memory.h"
#include "os/unwind_row.h"

static const uint32_t OTHER = RULE_OTHER;

/* Words of so many bytes, which may be a negative number of them; RULE_WORDS_MAX + 1: not to be
 * written in a rule. */
static uint32_t words_of(int64_t size)
{
    bool fits = size >= 0 && size % WORD == 0 && size / WORD <= RULE_WORDS_MAX;
    return fits ? (uint32_t)(size / WORD) : RULE_WORDS_MAX + 1;
}

#if defined(__x86_64__)

/* rsp + 8 + ((rip & 15) >= 11) * 8: in a table of jumps to other files, whose entries are of 16 bytes
 * and push a word at 11 if the target is not known yet. Some linkers write 10. */
enum { PUSHED_AT = 6 }; /* the byte that says where */
static const uint8_t jump_table[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};

/* An expression that consists of these bytes. */
static bool is_expression(uintptr_t base, int32_t value, const void *bytes, size_t size)
{
    struct bytes expression = cairn__unwind_expression(base, value);
    return (size_t)(expression.end - expression.at) == size &&
           memcmp(expression.at, bytes, size) == 0;
}

static uint32_t rule_of_expression(const struct unwind_entry *entry, const struct unwind_row *row,
                                   uintptr_t address)
{
    struct bytes cfa = cairn__unwind_expression(entry->base, row->cfa.value);
    size_t size = (size_t)(cfa.end - cfa.at);
    const struct saved *frame = &row->saved[DWARF_FRAME];
    if (size == sizeof jump_table && memcmp(cfa.at, jump_table, PUSHED_AT) == 0 &&
        memcmp(cfa.at + PUSHED_AT + 1, jump_table + PUSHED_AT + 1, size - PUSHED_AT - 1) == 0 &&
        frame->how == SAVED_NOT)
        return rule_make(RULE_FROM_STACK, (address & 15) + 0x30u >= cfa.at[PUSHED_AT] ? 2 : 1,
                         RULE_UNCHANGED);
    /* rbp - n, dereferenced; rbp saved at rbp + 0 */
    if (size == 3 && cfa.at[0] == 0x76 && (cfa.at[1] & 0xc0) == 0x40 && cfa.at[2] == 0x06 &&
        frame->how == SAVED_AT_EXPRESSION && is_expression(entry->base, frame->value, "\x76", 2))
        return rule_make(RULE_REALIGNED, (uint32_t)(128 - cfa.at[1]) / WORD, 0);
    return OTHER;
}

static uint32_t rule_of_row(const struct unwind_entry *entry, const struct unwind_row *row,
                            uintptr_t address)
{
    const struct saved *frame = &row->saved[DWARF_FRAME], *back = &row->saved[DWARF_RETURN];
    if (back->how != SAVED_AT || back->value != -WORD)
        return OTHER;
    if (row->cfa.how != SAVED_IS)
        return rule_of_expression(entry, row, address);
    uint32_t cfa = words_of(row->cfa.value);
    uint32_t at = frame->how == SAVED_NOT  ? RULE_UNCHANGED
                  : frame->how == SAVED_AT ? words_of(-(int64_t)frame->value)
                                           : RULE_WORDS_MAX + 1;
    if (cfa == 0 || cfa > RULE_WORDS_MAX || at > RULE_WORDS_MAX || at == 0)
        return OTHER;
    if (row->cfa_register == DWARF_STACK) /* what lies below was popped already */
        return rule_make(RULE_FROM_STACK, cfa, at <= cfa ? at : RULE_UNCHANGED);
    return row->cfa_register == DWARF_FRAME ? rule_make(RULE_FROM_FRAME, cfa, at) : OTHER;
}

#else

static uint32_t rule_of_row(const struct unwind_entry *entry, const struct unwind_row *row,
                            uintptr_t address)
{
    (void)entry, (void)address;
    const struct saved *frame = &row->saved[DWARF_FRAME], *back = &row->saved[DWARF_RETURN];
    if (row->cfa.how != SAVED_IS || frame->how == SAVED_UNDEFINED)
        return OTHER;
    uint32_t cfa = words_of(row->cfa.value);
    bool from_stack = row->cfa_register == DWARF_STACK;
    if (cfa > RULE_WORDS_MAX || (!from_stack && row->cfa_register != DWARF_FRAME))
        return OTHER;
    if (from_stack && frame->how == SAVED_NOT && back->how == SAVED_NOT)
        return rule_make(RULE_BARE, cfa, 0);
    if (back->how != SAVED_AT)
        return OTHER;
    bool is_pair = frame->how == SAVED_AT && back->value == frame->value + WORD;
    uint32_t at = words_of(-(int64_t)back->value + (is_pair ? WORD : 0));
    if (at == 0 || at > RULE_WORDS_MAX || (from_stack && at > cfa))
        return OTHER;
    if (is_pair && at > 1)
        return rule_make(from_stack ? RULE_FROM_STACK : RULE_FROM_FRAME, cfa, at);
    return from_stack && frame->how == SAVED_NOT ? rule_make(RULE_BARE, cfa, at) : OTHER;
}

#endif

uint32_t cairn__unwind_rule_in(const struct unwind_file *file, uintptr_t address)
{
    struct unwind_entry entry;
    struct unwind_row row;
    if (!cairn__unwind_entry_of(file, address, &entry))
        return rule_make(cairn__unwind_is_signal_return(address) ? RULE_SIGNAL : RULE_END, 0, 0);
    if (entry.is_signal)
        return rule_make(RULE_SIGNAL, 0, 0);
    if (!cairn__unwind_row_of(&entry, address, &row) ||
        row.saved[DWARF_RETURN].how == SAVED_UNDEFINED)
        return rule_make(RULE_END, 0, 0);
    return rule_of_row(&entry, &row, address);
}

/* An address that was returned to is looked up one byte before. */
bool cairn__unwind_is_signal_return(uintptr_t address)
{
    uintptr_t at = round_up(address, (uintptr_t)1 << CODE_SHIFT);
    for (int i = 0; i < 2; i++, at++)
        if (SIGNAL_RETURN_SIZE != 0 && cairn__unwind_is_readable(at) &&
            cairn__unwind_is_readable(at + SIGNAL_RETURN_SIZE - 1) &&
            memcmp((const void *)at, SIGNAL_RETURN, SIGNAL_RETURN_SIZE) == 0)
            return true;
    return false;
}
