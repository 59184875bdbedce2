/* SPDX-License-Identifier: MIT */
/*
 * Any thread. The process's own malloc as an allocator, whoever provides it: the C library, or what
 * is preloaded or linked in its place. Where other allocators take their memory from, as a rule.
 */
#ifndef CAIRN_SYSTEM_H
#define CAIRN_SYSTEM_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * It has no state: all values that this returns are the same. Blocks of alignments up to that of
 * max_align_t come from malloc, others from posix_memalign; any of them may be given to free().
 * O(1). Cannot tell what it owns.
 */
cairn_allocator cairn_system(void);

#ifdef __cplusplus
}
#endif

#endif
