/* SPDX-License-Identifier: MIT */
/* See unwind_row.h. Registers that a callee need not keep are read over. */
#include "os/unwind_row.h"

enum { REMEMBERED_MAX = 4 };

struct program {
    const struct unwind_entry *entry;
    uintptr_t address;  /* the one that is asked for */
    uintptr_t location; /* where the row that is being built begins */
    struct unwind_row *row;
    const struct unwind_row *first; /* as the shared part leaves it; NULL in that part */
    struct unwind_row remembered[REMEMBERED_MAX];
    unsigned depth;
    bool unknown;
};

/* Instructions; of the first three the low six bits are an operand. */
enum {
    ADVANCE = 0x40,
    OFFSET = 0x80,
    RESTORE = 0xc0,
    NOP = 0x00,
    SET_LOCATION = 0x01,
    ADVANCE_1 = 0x02,
    ADVANCE_2 = 0x03,
    ADVANCE_4 = 0x04,
    OFFSET_EXTENDED = 0x05,
    RESTORE_EXTENDED = 0x06,
    UNDEFINED = 0x07,
    SAME_VALUE = 0x08,
    REGISTER = 0x09,
    REMEMBER_STATE = 0x0a,
    RESTORE_STATE = 0x0b,
    DEFINE_CFA = 0x0c,
    DEFINE_CFA_REGISTER = 0x0d,
    DEFINE_CFA_OFFSET = 0x0e,
    DEFINE_CFA_EXPRESSION = 0x0f,
    EXPRESSION = 0x10,
    OFFSET_EXTENDED_SIGNED = 0x11,
    DEFINE_CFA_SIGNED = 0x12,
    DEFINE_CFA_OFFSET_SIGNED = 0x13,
    VALUE_OFFSET = 0x14,
    VALUE_OFFSET_SIGNED = 0x15,
    VALUE_EXPRESSION = 0x16,
    SIGNED_RETURN_ADDRESS = 0x2d,
    ARGUMENTS_SIZE = 0x2e,
    NEGATIVE_OFFSET = 0x2f
};

/* ---- operands ---- */

static int32_t narrow(struct program *program, int64_t value)
{
    program->unknown |= value != (int32_t)value;
    return (int32_t)value;
}

static int32_t offset_operand(struct program *program, struct bytes *bytes)
{
    return narrow(program, (int64_t)bytes_uleb(bytes) * program->entry->data_unit);
}

static int32_t signed_operand(struct program *program, struct bytes *bytes)
{
    return narrow(program, bytes_sleb(bytes) * program->entry->data_unit);
}

static int32_t expression_operand(struct program *program, struct bytes *bytes)
{
    int32_t value = narrow(program, (int64_t)((uintptr_t)bytes->at - program->entry->base));
    bytes_skip(bytes, bytes_uleb(bytes));
    return value;
}

/* ---- what instructions do ---- */

static void save(struct program *program, uint64_t number, enum saved_how how, int32_t value)
{
    if (number < DWARF_COUNT)
        program->row->saved[number] = (struct saved){how, value};
}

static void restore(struct program *program, uint64_t number)
{
    if (number < DWARF_COUNT && program->first != NULL)
        program->row->saved[number] = program->first->saved[number];
}

static void define_cfa(struct program *program, uint64_t number, int32_t value)
{
    program->unknown |= number >= DWARF_COUNT;
    program->row->cfa_register = (uint32_t)number;
    program->row->cfa = (struct saved){SAVED_IS, value};
}

static void remember(struct program *program)
{
    if (program->depth == REMEMBERED_MAX)
        program->unknown = true;
    else
        program->remembered[program->depth++] = *program->row;
}

static void recall(struct program *program)
{
    if (program->depth == 0)
        program->unknown = true;
    else
        *program->row = program->remembered[--program->depth];
}

static void advance(struct program *program, uint64_t units)
{
    program->location += (uintptr_t)(units * program->entry->code_unit);
}

static void define(struct program *program, struct bytes *bytes, unsigned instruction)
{
    uint64_t number = program->row->cfa_register;
    switch (instruction) {
    case DEFINE_CFA:
        number = bytes_uleb(bytes);
        define_cfa(program, number, narrow(program, (int64_t)bytes_uleb(bytes)));
        break;
    case DEFINE_CFA_SIGNED:
        number = bytes_uleb(bytes);
        define_cfa(program, number, signed_operand(program, bytes));
        break;
    case DEFINE_CFA_REGISTER:
        define_cfa(program, bytes_uleb(bytes), program->row->cfa.value);
        break;
    case DEFINE_CFA_OFFSET:
        define_cfa(program, number, narrow(program, (int64_t)bytes_uleb(bytes)));
        break;
    case DEFINE_CFA_OFFSET_SIGNED:
        define_cfa(program, number, signed_operand(program, bytes));
        break;
    default:
        program->row->cfa = (struct saved){SAVED_IS_EXPRESSION, expression_operand(program, bytes)};
    }
}

/* Those whose first operand is a register. */
static void describe(struct program *program, struct bytes *bytes, unsigned instruction)
{
    uint64_t number = bytes_uleb(bytes);
    switch (instruction) {
    case OFFSET_EXTENDED:
        save(program, number, SAVED_AT, offset_operand(program, bytes));
        break;
    case OFFSET_EXTENDED_SIGNED:
        save(program, number, SAVED_AT, signed_operand(program, bytes));
        break;
    case NEGATIVE_OFFSET:
        save(program, number, SAVED_AT, -offset_operand(program, bytes));
        break;
    case RESTORE_EXTENDED:
        restore(program, number);
        break;
    case UNDEFINED:
        save(program, number, SAVED_UNDEFINED, 0);
        break;
    case SAME_VALUE:
        save(program, number, SAVED_NOT, 0);
        break;
    case REGISTER:
        save(program, number, SAVED_IN, narrow(program, (int64_t)bytes_uleb(bytes)));
        break;
    case EXPRESSION:
        save(program, number, SAVED_AT_EXPRESSION, expression_operand(program, bytes));
        break;
    case VALUE_OFFSET:
        save(program, number, SAVED_IS, offset_operand(program, bytes));
        break;
    case VALUE_OFFSET_SIGNED:
        save(program, number, SAVED_IS, signed_operand(program, bytes));
        break;
    case VALUE_EXPRESSION:
        save(program, number, SAVED_IS_EXPRESSION, expression_operand(program, bytes));
        break;
    default:
        program->unknown = true;
    }
}

static void step(struct program *program, struct bytes *bytes)
{
    unsigned instruction = (unsigned)bytes_fixed(bytes, 1);
    unsigned operand = instruction & 0x3f;
    switch (instruction & 0xc0) {
    case ADVANCE:
        advance(program, operand);
        return;
    case OFFSET:
        save(program, operand, SAVED_AT, offset_operand(program, bytes));
        return;
    case RESTORE:
        restore(program, operand);
        return;
    }
    switch (instruction) {
    case NOP:
    case SIGNED_RETURN_ADDRESS: /* addresses are stripped of it, signed or not */
        break;
    case ADVANCE_1:
        advance(program, bytes_fixed(bytes, 1));
        break;
    case ADVANCE_2:
        advance(program, bytes_fixed(bytes, 2));
        break;
    case ADVANCE_4:
        advance(program, bytes_fixed(bytes, 4));
        break;
    case REMEMBER_STATE:
        remember(program);
        break;
    case RESTORE_STATE:
        recall(program);
        break;
    case ARGUMENTS_SIZE:
        bytes_uleb(bytes);
        break;
    case DEFINE_CFA:
    case DEFINE_CFA_SIGNED:
    case DEFINE_CFA_REGISTER:
    case DEFINE_CFA_OFFSET:
    case DEFINE_CFA_OFFSET_SIGNED:
    case DEFINE_CFA_EXPRESSION:
        define(program, bytes, instruction);
        break;
    default: /* SET_LOCATION is among them: linkers' programs advance */
        describe(program, bytes, instruction);
    }
}

static bool run(struct program *program, struct bytes bytes)
{
    while (bytes_left(&bytes) && !program->unknown && program->location <= program->address)
        step(program, &bytes);
    return !bytes.broken && !program->unknown;
}

bool cairn__unwind_row_of(const struct unwind_entry *entry, uintptr_t address,
                          struct unwind_row *row)
{
    struct unwind_row first;
    struct program program;
    program.entry = entry;
    program.address = address;
    program.location = entry->start;
    program.row = row;
    program.first = NULL;
    program.depth = 0;
    program.unknown = false;
    memset(row, 0, sizeof *row);
    if (entry->return_register != DWARF_RETURN || !run(&program, entry->shared))
        return false;
    first = *row;
    program.first = &first;
    return run(&program, entry->own);
}

struct bytes cairn__unwind_expression(uintptr_t base, int32_t value)
{
    const uint8_t *at = (const uint8_t *)(base + (uintptr_t)(intptr_t)value);
    struct bytes bytes = {at, at + 10,
                          false}; /* the length; it lay inside when it was stepped over */
    uint64_t size = bytes_uleb(&bytes);
    bytes.end = bytes.at + size;
    return bytes;
}
