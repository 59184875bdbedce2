/* SPDX-License-Identifier: MIT */
/*
 * Live blocks by address, and for each the place that it was allocated from. Any thread.
 *
 * Blocks: hash tables with linear probing, SHARDS of them by address, each under a lock of its own;
 * a removal moves later notes back, so there are no tombstones (Knuth, TAOCP 3, 6.4, algorithm R).
 * Sites: one for each call stack, in chains that only grow: a reader needs no lock. They stay until
 * all ends. What a report needs to know of a site is found by a walk over the blocks, so that
 * allocating and freeing do not count there.
 *
 * For each shard, but while its lock is held:
 *     used = notes + held < capacity, or capacity = 0
 *     from the home of each note to where it lies there is no empty place
 */
#ifndef CAIRN_KIT_SITES_H
#define CAIRN_KIT_SITES_H

#include "cairn/allocator.h"

#include "os/lock.h"

struct site {
    struct site *next;   /* in its chain; set before it is published there */
    struct site *listed; /* of a report: the next one; under the report's lock, as the rest below */
    size_t blocks, bytes; /* live, of the last report */
    uint64_t hash;        /* set once, as the rest */
    unsigned count;       /* of frames; 0: unknown */
    void **frames;        /* return addresses, innermost first; they lie behind this */
};

struct note {
    uintptr_t ptr; /* 0: no note */
    size_t size;
    struct site *site;
};

enum { SITES_SHARDS = 32, SITES_CHAINS = 8192 };

struct shard {
    struct lock lock;
    unsigned capacity_log2; /* of notes, if there are any places */
    size_t used;            /* places that are taken or held */
    size_t held;            /* places kept for notes that were taken out by hold */
    struct note *notes;     /* NULL: no places yet */
} ALIGNED(64);

struct cairn__sites {
    cairn_allocator records;
    struct lock reporting;
    struct site unknown;               /* of blocks whose site there was no memory for */
    struct site *chains[SITES_CHAINS]; /* atomic: published with release, read with acquire */
    struct shard shards[SITES_SHARDS];
};

/* NULL: out of memory. Destroy gives everything back. */
struct cairn__sites *cairn__sites_create(cairn_allocator records);
void cairn__sites_destroy(struct cairn__sites *sites);

/*
 * The site of the calls under way, from the return address `caller` outwards, up to max of them;
 * `unknown` when there is no memory for it.
 */
struct site *cairn__sites_of(struct cairn__sites *sites, void *caller, unsigned max);

/* Notes a block. False: no memory. */
bool cairn__sites_put(struct cairn__sites *sites, const void *ptr, size_t size, struct site *site);

/* Takes out the note of a block. False: there is none. */
bool cairn__sites_take(struct cairn__sites *sites, const void *ptr);

/*
 * The same, but its place is kept, and must be settled: either the note is put back, which needs no
 * memory, or the place is let go.
 */
bool cairn__sites_hold(struct cairn__sites *sites, const void *ptr, struct note *note);
void cairn__sites_put_back(struct cairn__sites *sites, const struct note *note);
void cairn__sites_let_go(struct cairn__sites *sites, const struct note *note);

/* Calls visit for each note, the shard's lock held, until it returns false; false then. */
bool cairn__sites_visit(struct cairn__sites *sites,
                        bool (*visit)(void *context, const struct note *note), void *context);

/*
 * The sites that have live blocks, most bytes first, linked by `listed`. The caller holds
 * `reporting`, before and for as long as it reads the list.
 */
struct site *cairn__sites_list(struct cairn__sites *sites);

void cairn__sites_lock_all(struct cairn__sites *sites);
void cairn__sites_unlock_all(struct cairn__sites *sites);

/* Places that were kept by hold and not settled yet. */
size_t cairn__sites_held(struct cairn__sites *sites);

/* NULL, or which equation does not hold. */
const char *cairn__sites_audit(struct cairn__sites *sites);

#endif
