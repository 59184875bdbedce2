/* SPDX-License-Identifier: MIT */
/*
 * See unwind_expression.h. Those that compilers and linkers write into unwind tables; without jumps,
 * so that each comes to an end.
 */
#include "os/unwind_expression.h"

enum { DEPTH_MAX = 16 };

/* What is taken from an empty stack is 0. */
struct stack {
    uintptr_t word[DEPTH_MAX];
    unsigned depth;
    bool broken;
};

enum {
    ADDRESS = 0x03,
    DEREFERENCE = 0x06,
    CONSTANT_1_UNSIGNED = 0x08, /* and signed, then of 2, 4 and 8 bytes */
    CONSTANT_8_SIGNED = 0x0f,
    CONSTANT_UNSIGNED = 0x10,
    CONSTANT_SIGNED = 0x11,
    DUPLICATE = 0x12,
    DROP = 0x13,
    OVER = 0x14,
    SWAP = 0x16,
    AND = 0x1a,
    MINUS = 0x1c,
    MULTIPLY = 0x1e,
    NEGATE = 0x1f,
    NOT = 0x20,
    OR = 0x21,
    PLUS = 0x22,
    PLUS_CONSTANT = 0x23,
    SHIFT_LEFT = 0x24,
    SHIFT_RIGHT = 0x25,
    SHIFT_RIGHT_SIGNED = 0x26,
    EXCLUSIVE_OR = 0x27,
    EQUAL = 0x29,
    AT_LEAST = 0x2a,
    GREATER = 0x2b,
    AT_MOST = 0x2c,
    LESS = 0x2d,
    UNEQUAL = 0x2e,
    LITERAL = 0x30,
    REGISTER_PLUS = 0x70,
    ANY_REGISTER_PLUS = 0x92,
    NOTHING = 0x96
};

__attribute__((no_sanitize("address", "thread"))) bool cairn__unwind_read(
    struct unwind_registers *registers, uintptr_t address, uintptr_t *word)
{
    if (address < registers->value[DWARF_STACK] || address % WORD != 0 ||
        address > UINTPTR_MAX - WORD || !cairn__unwind_extend(&registers->reach, address + WORD))
        return false;
    *word = *(const uintptr_t *)address;
    return true;
}

static void push(struct stack *stack, uintptr_t word)
{
    if (stack->depth == DEPTH_MAX)
        stack->broken = true;
    else
        stack->word[stack->depth++] = word;
}

static uintptr_t pop(struct stack *stack)
{
    stack->broken |= stack->depth == 0;
    return stack->depth == 0 ? 0 : stack->word[--stack->depth];
}

/* b was on top of a. */
static uintptr_t combine(struct stack *stack, unsigned operation, uintptr_t a, uintptr_t b)
{
    intptr_t left = (intptr_t)a, right = (intptr_t)b;
    switch (operation) {
    case AND:
        return a & b;
    case MINUS:
        return a - b;
    case MULTIPLY:
        return a * b;
    case OR:
        return a | b;
    case PLUS:
        return a + b;
    case SHIFT_LEFT:
        return b < 64 ? a << b : 0;
    case SHIFT_RIGHT:
        return b < 64 ? a >> b : 0;
    case SHIFT_RIGHT_SIGNED:
        return (uintptr_t)(left >> (b < 63 ? b : 63));
    case EXCLUSIVE_OR:
        return a ^ b;
    case EQUAL:
        return a == b;
    case AT_LEAST:
        return left >= right;
    case GREATER:
        return left > right;
    case AT_MOST:
        return left <= right;
    case LESS:
        return left < right;
    case UNEQUAL:
        return a != b;
    default:
        stack->broken = true;
        return 0;
    }
}

static void push_register(struct stack *stack, const struct unwind_registers *registers,
                          uint64_t number, int64_t offset)
{
    stack->broken |= number >= DWARF_COUNT;
    push(stack, number < DWARF_COUNT ? registers->value[number] + (uintptr_t)offset : 0);
}

/* Those that do not take two words and leave one. False: it does. */
static bool operate(struct stack *stack, struct unwind_registers *registers, struct bytes *bytes,
                    unsigned operation)
{
    uintptr_t word;
    switch (operation) {
    case NOTHING:
        return true;
    case ADDRESS:
        push(stack, (uintptr_t)bytes_fixed(bytes, WORD));
        return true;
    case CONSTANT_UNSIGNED:
        push(stack, (uintptr_t)bytes_uleb(bytes));
        return true;
    case CONSTANT_SIGNED:
        push(stack, (uintptr_t)bytes_sleb(bytes));
        return true;
    case DEREFERENCE:
        word = 0;
        stack->broken |= !cairn__unwind_read(registers, pop(stack), &word);
        push(stack, word);
        return true;
    case DUPLICATE:
        word = pop(stack);
        push(stack, word);
        push(stack, word);
        return true;
    case DROP:
        pop(stack);
        return true;
    case OVER:
        stack->broken |= stack->depth < 2;
        push(stack, stack->depth < 2 ? 0 : stack->word[stack->depth - 2]);
        return true;
    case NEGATE:
        push(stack, -pop(stack));
        return true;
    case NOT:
        push(stack, ~pop(stack));
        return true;
    case PLUS_CONSTANT:
        push(stack, pop(stack) + (uintptr_t)bytes_uleb(bytes));
        return true;
    default:
        return false;
    }
}

static void step(struct stack *stack, struct unwind_registers *registers, struct bytes *bytes)
{
    unsigned operation = (unsigned)bytes_fixed(bytes, 1);
    if (operation >= CONSTANT_1_UNSIGNED && operation <= CONSTANT_8_SIGNED) {
        size_t size = (size_t)1 << (operation - CONSTANT_1_UNSIGNED) / 2;
        push(stack, operation % 2 == 0 ? (uintptr_t)bytes_fixed(bytes, size)
                                       : (uintptr_t)bytes_signed(bytes, size));
    } else if (operation >= LITERAL && operation < LITERAL + 32) {
        push(stack, operation - LITERAL);
    } else if (operation >= REGISTER_PLUS && operation < REGISTER_PLUS + 32) {
        push_register(stack, registers, operation - REGISTER_PLUS, bytes_sleb(bytes));
    } else if (operation == ANY_REGISTER_PLUS) {
        uint64_t number = bytes_uleb(bytes);
        push_register(stack, registers, number, bytes_sleb(bytes));
    } else if (operation == SWAP) {
        uintptr_t top = pop(stack), below = pop(stack);
        push(stack, top);
        push(stack, below);
    } else if (!operate(stack, registers, bytes, operation)) {
        uintptr_t right = pop(stack), left = pop(stack);
        push(stack, combine(stack, operation, left, right));
    }
}

bool cairn__unwind_evaluate(struct unwind_registers *registers, struct bytes expression,
                            uintptr_t first, uintptr_t *result)
{
    struct stack stack = {.depth = 0};
    push(&stack, first);
    while (bytes_left(&expression) && !stack.broken)
        step(&stack, registers, &expression);
    *result = pop(&stack);
    return !stack.broken && !expression.broken;
}
