/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as the less safe of its two sources. A first source, and a second one that serves
 * what the first cannot: a small region on the stack or a bounded pool, with the process's malloc
 * behind it. Whose a block is, the first source is asked (its owns), so nothing is stored and
 * blocks need no mark. The idea is that of the composed allocators of A. Alexandrescu (std::allocator
 * Is to Allocation what std::vector Is to Vexation, CppCon 2015).
 *
 * Costs a call of the first source's owns for each dealloc, realloc and usable_size; a request that
 * the first refuses costs what its refusal does.
 */
#ifndef CAIRN_FALLBACK_H
#define CAIRN_FALLBACK_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the caller's storage; all fields are private. */
typedef struct cairn_fallback {
    cairn_allocator first;
    cairn_allocator second;
} cairn_fallback;

/*
 * second {NULL, NULL}: cairn_system(). False if first cannot tell what it owns, or is {NULL, NULL}:
 * then there is nothing to use or to end. Neither may take its memory from the other, or first
 * would own what is second's.
 */
bool cairn_fallback_init(cairn_fallback *fallback, cairn_allocator first, cairn_allocator second);

/* Nobody may use it any more; blocks stay with their sources. */
void cairn_fallback_fini(cairn_fallback *fallback);

/*
 * All ops; owns if second can tell, too. A block that grows beyond what first can give moves to
 * second; from there it does not come back. NULL when second has none either, and a block that was
 * to be resized is as it was. When a block of first cannot shrink there, it moves, too.
 */
cairn_allocator cairn_fallback_allocator(cairn_fallback *fallback);

/* NULL, or what is wrong with it; the sources have audits of their own. O(1). */
const char *cairn_fallback_audit(const cairn_fallback *fallback);

#ifdef __cplusplus
}
#endif

#endif
