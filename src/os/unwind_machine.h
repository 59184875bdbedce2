/* SPDX-License-Identifier: MIT */
/*
 * What unwinding must know of a processor: the numbers that its registers have in the tables, where
 * the kernel puts them when it delivers a signal, and the code by which a handler returns to it.
 */
#ifndef CAIRN_OS_UNWIND_MACHINE_H
#define CAIRN_OS_UNWIND_MACHINE_H

#include "base/config.h"

enum { WORD = sizeof(uintptr_t) };

#if defined(__x86_64__) && !defined(__ILP32__)

#define UNWIND_MACHINE 1

/* Numbers in the tables (System V ABI, AMD64, figure 3.36). The return address has one, too. */
enum { DWARF_FRAME = 6, DWARF_STACK = 7, DWARF_RETURN = 16, DWARF_COUNT = 17 };

/* Addresses of programs are below; code may begin at each. */
enum { ADDRESS_BITS = 47, CODE_SHIFT = 0 };

/* mov $15, %rax; syscall. The stack pointer then points to a ucontext_t. */
#define SIGNAL_RETURN      "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05"
#define SIGNAL_RETURN_SIZE 9
enum { SIGNAL_CONTEXT = 0, SIGNAL_REGISTERS = 40 };

/* In the order of the tables: where each lies from SIGNAL_REGISTERS on, in words. */
#define SIGNAL_WORDS                                                                               \
    {                                                                                              \
        13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16                                   \
    }

#elif defined(__aarch64__) && defined(__LP64__)

#define UNWIND_MACHINE     1

/* Numbers in the tables (DWARF for the Arm 64-bit Architecture). */
enum { DWARF_FRAME = 29, DWARF_STACK = 31, DWARF_RETURN = 30, DWARF_COUNT = 32 };

enum { ADDRESS_BITS = 48, CODE_SHIFT = 2 };

/* mov x8, #139; svc #0. The stack pointer then points to a siginfo_t, behind it a ucontext_t. */
#define SIGNAL_RETURN      "\x68\x11\x80\xd2\x01\x00\x00\xd4"
#define SIGNAL_RETURN_SIZE 8
enum { SIGNAL_CONTEXT = 128, SIGNAL_REGISTERS = 184 };

#define SIGNAL_WORDS                                                                               \
    {                                                                                              \
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,  \
            25, 26, 27, 28, 29, 30, 31                                                             \
    }

#else

#define UNWIND_MACHINE 0

enum { DWARF_FRAME, DWARF_STACK, DWARF_RETURN, DWARF_COUNT };
enum { ADDRESS_BITS = 32, CODE_SHIFT = 0 };

#define SIGNAL_RETURN      ""
#define SIGNAL_RETURN_SIZE 0
enum { SIGNAL_CONTEXT = 0, SIGNAL_REGISTERS = 0 };
#define SIGNAL_WORDS                                                                               \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }

#endif

/* Words of the program counter from SIGNAL_REGISTERS on: x86-64 has it as the return address, Arm
 * behind the stack pointer. */
#define SIGNAL_PC (DWARF_COUNT == 17 ? 16 : 32)

/* Where the return address is: right below the CFA, or behind the saved frame pointer. */
#define RETURN_BELOW_CFA (DWARF_COUNT == 17)

/* An address as it was before a processor signed it in its upper bits. */
static inline uintptr_t plain_address(uintptr_t address)
{
    return DWARF_COUNT == 32 ? address & (UINTPTR_MAX >> (64 - ADDRESS_BITS)) : address;
}

static inline bool is_code_address(uintptr_t address)
{
    return (uint64_t)address >> ADDRESS_BITS == 0 && address != 0;
}

#endif
