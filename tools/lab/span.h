/* SPDX-License-Identifier: MIT */
/*
 * The memory of an experiment: a row of addresses of its own, aligned so that nothing depends on
 * where the system has put it. An allocator is built over all of it as a buffer, or takes pieces of
 * it as its source: the lowest place that has room (first fit, merged at once). What is taken is
 * written down beside the span, not in it, so that the allocator's state is the bytes below `high`
 * and this table: both can be kept, and put back.
 */
#ifndef CAIRN_TOOLS_LAB_SPAN_H
#define CAIRN_TOOLS_LAB_SPAN_H

#include <stdbool.h>
#include <stddef.h>

#include "cairn/allocator.h"

struct span_piece {
    size_t at, size; /* from the span's start */
};

struct span {
    char *start;
    size_t size;
    size_t limit;              /* bytes that may be taken at once */
    size_t high;               /* no byte above was ever taken; for a buffer: its size */
    size_t held;               /* bytes taken */
    struct span_piece *pieces; /* taken, by address */
    size_t count, room;
    void *mapping;
    size_t mapping_size;
};

/* `size` bytes of addresses; memory is taken as it is touched. False: the system refuses. */
bool span_open(struct span *span, size_t size);
void span_close(struct span *span);

/* As at first: nothing taken, all bytes 0. */
void span_clear(struct span *span);

/* The span as a source: up to span->limit bytes. */
cairn_allocator span_allocator(struct span *span);

#endif
