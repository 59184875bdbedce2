/* SPDX-License-Identifier: MIT */
/*
 * Sampled guarded blocks: one of so many allocations (the option SAMPLE) gets pages of the system's of its
 * own between two that cannot be accessed, and is closed when it is freed. Who touches it later, or
 * beyond its ends, is stopped at once, and told who allocated and who freed it. At a rate that costs
 * nothing a bug is found that way where it lives: in production, some day (GWP-ASan; K. Serebryany et al.,
 * GWP-ASan: Sampling-Based Detection of Memory-Safety Bugs in Production, ICSE-SEIP 2024).
 *
 * Which allocations: each as likely as the others. A heap draws how many blocks are to go into bins
 * before the next one is chosen; the trip that would bring that one cuts the bin short before it, so that the
 * next trip finds it due. So the straight lines know nothing of it. The blocks lie apart from all others, in a range of their own; free
 * and realloc come to them where a pointer is in no page. Any thread; one lock.
 */
#ifndef CAIRN_CORE_SAMPLED_H
#define CAIRN_CORE_SAMPLED_H

#include "core/heap.h"

/* The option: one of so many; 0: none. */
extern HIDDEN uint32_t cairn__sample_rate;

/* Where the blocks are; 0 bytes before there is one. */
extern HIDDEN struct sampled_range {
    uintptr_t start;
    size_t size;
} cairn__sampled_range;

static inline bool sampled_holds(const void *ptr)
{
    return UNLIKELY((uintptr_t)ptr - cairn__sampled_range.start < cairn__sampled_range.size);
}

/* At the process's start: one of so many, or 0. */
void cairn__sampled_start(size_t rate);

/* After a trip to refill a bin, which brought `count` blocks, one of which is on its way. */
COLD void cairn__sample_next(struct heap *heap, unsigned class, uint64_t count);

/* How many blocks short trips may bring: none of them is chosen. */
COLD uint32_t cairn__sample_budget(struct heap *heap);

/* Before a trip: is it this allocation's turn? */
static inline bool sample_is_due(const struct heap *heap, unsigned class)
{
    return UNLIKELY(cairn__sample_rate != 0) && heap->sample[class] != SAMPLE_LATER;
}
COLD bool cairn__sample_is_due(struct heap *heap, unsigned class);

/* A block of its own; NULL: there is no room for another, or it is not for such a one. align: a power of two. */
void *cairn__sampled_alloc(size_t size, size_t align);

/* ptr: where sampled_holds. These abort if no block in use begins there, with a report. */
void cairn__sampled_free(void *ptr, unsigned family, size_t size);
size_t cairn__sampled_size(const void *ptr, const char *what);
void cairn__sampled_set_family(const void *ptr, unsigned family);

/* From the handler of a fault at `address`, which sampled_holds: prints what is known of it. */
void cairn__sampled_explain(const void *address, uintptr_t interrupted);

/* Whether a block in use begins there. */
bool cairn__sampled_owns(const void *ptr);

/* Of blocks in use. */
struct sampled_figures {
    size_t blocks;
    size_t bytes; /* asked for */
    size_t held;  /* bytes of the pages that they lie in */
};
struct sampled_figures cairn__sampled_figures(void);

void cairn__sampled_before_fork(void);
void cairn__sampled_after_fork(bool child);

#endif
