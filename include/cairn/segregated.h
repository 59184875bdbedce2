/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as the less safe of its two sources. One source for small blocks and another for
 * large ones: a pool or slabs below a threshold, the process's malloc above it. The layout that
 * each dealloc brings tells whose a block is, so nothing is stored, and neither source need know
 * what it owns. The idea is that of the composed allocators of A. Alexandrescu (std::allocator Is to
 * Allocation what std::vector Is to Vexation, CppCon 2015).
 *
 * Costs two comparisons a call; a realloc across the threshold copies the block.
 */
#ifndef CAIRN_SEGREGATED_H
#define CAIRN_SEGREGATED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the caller's storage; all fields are private. */
typedef struct cairn_segregated {
    cairn_allocator small;
    cairn_allocator large;
    size_t threshold;
} cairn_segregated;

/*
 * A block is small if neither its size nor its alignment is above threshold, in bytes; else it is
 * large. (By the alignment, too, because what has no block of more than 64 bytes has as a rule none
 * aligned to 4096.) threshold 0: all are large, those of 0 bytes too; SIZE_MAX: all are small.
 * A source of {NULL, NULL}: cairn_system(). The two may be the same. Cannot fail.
 */
void cairn_segregated_init(cairn_segregated *segregated, cairn_allocator small,
                           cairn_allocator large, size_t threshold);

/* Nobody may use it any more; blocks stay with their sources. */
void cairn_segregated_fini(cairn_segregated *segregated);

/*
 * All ops; owns if both sources can tell. NULL when the source that a request belongs to has none:
 * the other is not asked (cairn/fallback.h does that). A block resized across the threshold moves
 * to the other source; if that has none, it is as it was.
 */
cairn_allocator cairn_segregated_allocator(cairn_segregated *segregated);

/* NULL, or what is wrong with it; the sources have audits of their own. O(1). */
const char *cairn_segregated_audit(const cairn_segregated *segregated);

#ifdef __cplusplus
}
#endif

#endif
