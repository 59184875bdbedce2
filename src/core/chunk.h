/* SPDX-License-Identifier: MIT */
/*
 * The pool: units of 64 KiB, in chunks of 2 MiB, that are not in use. A chunk knows its free units
 * as a mask, so neighbours need no merging. It is filed by its longest free row, and by its longest
 * one of units that were touched before: these come first, so that fresh memory is touched only when
 * there is no other. Either way the chunk that fits most tightly is taken from.
 *
 * Each NUMA node has chunks of its own. A chunk belongs to the node of the thread that first took
 * units of it (where it touches them, the system places them), until it is wholly free and has been
 * given back. Units are taken from the node's own chunks, then from those of no node, then from
 * fresh ones; from another node's only when there are no others, and rows of more than a chunk
 * wherever they are found first. While all threads are seen on node 0, this is one comparison.
 *
 * Purging works from the top of the address space down, taking upwards. When to purge is decided in
 * purge.c; the pool only raises a flag when there is reason to.
 *
 * Everything here may be called by any thread; one lock, never held across a system call.
 */
#ifndef CAIRN_CORE_CHUNK_H
#define CAIRN_CORE_CHUNK_H

#include "core/window.h"

/* The two ways in which chunks are filed. */
enum { BY_FREE, BY_DIRTY, FILINGS };

struct filing {
    struct chunk *next; /* of those with the same run */
    struct chunk *prev;
    unsigned run; /* the bucket: longest row of free (and touched) units; 0: not filed */
};

/* Under the pool's lock. */
struct chunk {
    struct filing filed[FILINGS];
    struct region *region; /* set once, when the chunk is opened */
    uint32_t index;        /* in its region; set once */
    uint32_t free_mask;    /* units in the pool */
    uint32_t dirty_mask;   /* units that are in memory, as far as we know */
    uint32_t zero_mask;    /* units that read as zero */
    bool huge;             /* touching one unit brings all of them into memory */
    bool undone;           /* was huge, until a part of it went back, and its advice with it */
    uint8_t shelf;         /* where it is filed: its node, or SHELF_ANY */
    uint8_t node;          /* as far as one is */
} ALIGNED(CHUNK_BYTES);
_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "the metadata of a region is laid out by this");

/* A row of units. */
struct span {
    struct region *region; /* NULL: none */
    size_t unit;           /* index of the first in the region */
    bool clean;            /* reads as zero */
};

static inline char *span_start(struct span span)
{
    return (char *)span.region->base + (span.unit << UNIT_SHIFT);
}

/*
 * Takes `count` units in a row. They may begin in the middle of a chunk, and end in another, unless
 * chunk_aligned is asked for. O(1) for up to CHUNK_UNITS, but at the
 * end of memory; else O(chunks that have free units).
 */
struct span cairn__units_take(size_t count, bool chunk_aligned);

/* The same, of what is in the pool already. */
struct span cairn__units_find(size_t count, bool chunk_aligned);

/*
 * Takes up to `most` touched units in a row, of what is in the pool: as many as can be had, *count. At most
 * CHUNK_UNITS. Where memory was at its end once they may be untouched.
 */
struct span cairn__units_find_touched(size_t most, size_t *count);

/*
 * Takes `count` units where `room` of them are free in a row, so that they can be extended later; of
 * fresh memory where the pool has no such row, unless memory was at its end once.
 */
struct span cairn__units_take_roomy(size_t count, size_t room);

/* Takes `more` units that follow a span of `count`, if they are free. *clean: these read as zero. */
bool cairn__units_extend(struct span span, size_t count, size_t more, bool *clean);

/* Gives them back, touched or not. */
void cairn__units_give(struct span span, size_t count);

/* The same of units that hold no memory, and will read as zero. */
void cairn__units_give_wiped(struct span span, size_t count);

/*
 * Returns free touched memory to the system until no more than `keep` units of it are left; where
 * another thread is at it already, it is left to that, which then goes as far. False: the system refused. O(chunks), and a system call for each row of units.
 */
bool cairn__units_purge(size_t keep);

/*
 * Gives back the address space of regions of which nothing is in use, but for `keep` of them. Regions
 * come up where address space is short, so that others may need it. True if there were any.
 */
bool cairn__regions_release(size_t keep);

/* While held, no region comes or goes: for walking them. */
void cairn__regions_hold(void);
void cairn__regions_let_go(void);

/*
 * Set when purge.h has something to look at: more free touched memory than the alarm says, or more
 * than the floor, or a heap that is parked, when its time has come; or a region that is not in use.
 */
extern HIDDEN _Atomic bool cairn__purge_due;

struct pool_figures {
    size_t used;  /* units taken */
    size_t dirty; /* free units that were touched */
    size_t used_peak;
    size_t regret; /* units that were given back too early, lately */
};
struct pool_figures cairn__pool_figures(void);

void cairn__pool_set_alarm(size_t dirty, uint64_t time);

/* For those that give nothing: raises the flag if it is time; `anyway`: even below the floor. */
void cairn__pool_tick(bool anyway);

/* What was given back was not given back too early. */
void cairn__pool_regret_nothing(void);

/* The most units taken since the last call of this function. Half of what was regretted is forgotten. */
size_t cairn__pool_step(void);

void cairn__pool_before_fork(void);
void cairn__pool_after_fork(bool child);

#endif
