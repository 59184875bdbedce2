/* SPDX-License-Identifier: MIT */
/*
 * Free blocks are linked through their first word. In the checked build their second word is a proof: of
 * the block's address, its link and a number of the process. Where the three do not fit together, the
 * program has written to a block that it had freed, or beyond the one before; where a block that comes
 * back has its proof, it was freed before. (After the checksums in the free lists of Scudo and snmalloc.)
 */
#ifndef CAIRN_CORE_BLOCK_H
#define CAIRN_CORE_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/policy.h"

#if CHECKED

extern HIDDEN uintptr_t cairn__proof_key;

_Noreturn COLD void cairn__proof_failed(const void *block);

static inline uintptr_t block_proof(const void *block)
{
    return *(const uintptr_t *)block ^ (uintptr_t)block ^ cairn__proof_key;
}

static inline bool block_is_free(const void *block)
{
    return ((const uintptr_t *)block)[1] == block_proof(block);
}

#endif

static inline void *block_next(const void *block)
{
#if CHECKED
    if (UNLIKELY(!block_is_free(block)))
        cairn__proof_failed(block);
#endif
    return *(void *const *)block;
}

/* Whole before it is in any list: a fork may find it there. */
static inline void block_set_next(void *block, void *next)
{
    *(void **)block = next;
#if CHECKED
    ((uintptr_t *)block)[1] = block_proof(block);
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* A block has left its list, not before: a child of fork may go on with what the list was. */
static inline void block_taken(void *block)
{
#if CHECKED
    atomic_signal_fence(memory_order_seq_cst);
    ((uintptr_t *)block)[1] = 0;
#else
    (void)block;
#endif
}

/* Of a taken block that was zero before it was linked: makes it zero again. */
static inline void block_clear(void *block)
{
    *(void **)block = NULL;
}

#endif
