/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as its source. A budget around a source, in bytes, in blocks, or both: a request
 * beyond it gets NULL, as if there were no more memory. Bytes are those that the source grants
 * (its usable_size), so the budget is about memory, not about what was asked for. The budget may be
 * changed while blocks are live and threads are at work.
 *
 * Costs four atomic operations in a block's life, and what the source's usable_size does.
 * The source must give the same usable_size for a block at its end as at its beginning.
 */
#ifndef CAIRN_LIMITED_H
#define CAIRN_LIMITED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_limited_opts {
    size_t max_bytes;  /* in live blocks; 0: no limit */
    size_t max_blocks; /* live at the same time; 0: no limit */
} cairn_limited_opts;

typedef struct cairn_limited_stats {
    size_t bytes, blocks; /* live now */
    size_t peak_bytes;    /* the most that was live at one time */
    size_t peak_blocks;
    size_t refusals; /* requests that the budget refused; not those that the source did */
} cairn_limited_stats;

/* In the caller's storage; all fields are private. */
typedef struct cairn_limited {
    cairn_allocator source;
    cairn_limited_opts limit;
    cairn_limited_stats now;
} cairn_limited;

/* source {NULL, NULL}: cairn_system(); it may have other users, who do not count. opts NULL: no
 * limits. Cannot fail. */
void cairn_limited_init(cairn_limited *limited, cairn_allocator source,
                        const cairn_limited_opts *opts);

/* Nobody may use it any more; blocks stay with the source. Returns how many were live. */
size_t cairn_limited_fini(cairn_limited *limited);

/*
 * All ops; owns if the source can tell. NULL when the budget would be exceeded:
 *   - alloc: bytes live, with those granted for this block, would be more than max_bytes, or blocks
 *     more than max_blocks;
 *   - realloc to more than the block was granted: the same with the size asked for in its place.
 *     What the source grants beyond that is counted, and may exceed the budget by as much: a block
 *     that has been moved cannot be put back. Any other realloc is never refused.
 * A request that is not decided yet counts for others; two that would each fit alone may, at the
 * same instant, both be refused.
 */
cairn_allocator cairn_limited_allocator(cairn_limited *limited);

/*
 * Another budget from now on; opts NULL: no limits. If less than what is live, blocks stay, and
 * what is asked for is refused until enough is gone. Any thread.
 */
void cairn_limited_change(cairn_limited *limited, const cairn_limited_opts *opts);

/* The figures of this instant; exact when no other thread is inside a call. O(1), any thread. */
void cairn_limited_stats_get(const cairn_limited *limited, cairn_limited_stats *stats);

/* NULL, or what is wrong with the figures. No other thread may be inside a call. O(1). */
const char *cairn_limited_audit(const cairn_limited *limited);

#ifdef __cplusplus
}
#endif

#endif
