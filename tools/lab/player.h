/* SPDX-License-Identifier: MIT */
/*
 * Plays a list of calls on a subject, one step at a time, forwards and back. It holds the blocks, and
 * writes a mark into the ends of each, which it looks for when the block ends: an allocator that
 * gives out the same bytes twice is found. A request that fails is counted, and the calls on its
 * block that follow are left out.
 */
#ifndef CAIRN_TOOLS_LAB_PLAYER_H
#define CAIRN_TOOLS_LAB_PLAYER_H

#include "lab/ops.h"
#include "lab/saved.h"
#include "lab/subject.h"

struct player_block {
    char *ptr; /* NULL: not live */
    uint64_t size;
    uint64_t granted; /* bytes that may be used */
    uint8_t align;    /* as a power of two */
};

/* What changes with each step; kept with the subject's state. */
struct player_figures {
    size_t at;          /* calls played */
    uint64_t blocks;    /* in use */
    uint64_t requested; /* bytes, in them */
    uint64_t granted;
    uint64_t requests;      /* alloc and resize so far */
    uint64_t failures;      /* of them */
    uint64_t first_failure; /* the step (from 1), 0: none */
    uint64_t high_water;    /* bytes from the region's start to the end of the highest block ever */
};

struct player_kept {
    struct saved saved;
    struct player_block *blocks;
    struct player_figures now;
    bool is_kept;
};

enum { PLAYER_KEPT = 64 };

struct player {
    struct subject *subject;
    const struct ops *ops;
    struct player_block *blocks; /* ops->blocks of them */
    struct player_figures now;
    struct player_kept *kept; /* states at every `distance` steps; NULL: none are kept */
    size_t distance;
};

/* keep: so that going back is fast. The subject is newly opened, and stays the caller's. */
void player_init(struct player *player, struct subject *subject, const struct ops *ops, bool keep);

/* Ends all blocks. */
void player_fini(struct player *player);

/* The next call. False after a message: the allocator broke its contract, and the message says how.
 * At the end: nothing is done. */
bool player_step(struct player *player);

/* Goes to where `at` calls have been played, from 0 to ops->count. False as above. */
bool player_seek(struct player *player, size_t at);

/* The subject's audit, and the marks in all blocks. False after a message. O(blocks). */
bool player_audit(const struct player *player);

/* Whether a request of so many bytes would be met now, 1 or 0; everything is as before then. NAN: it
 * could not be tried. Only for a subject that can be saved. */
double player_would_get(struct player *player, uint64_t size);

#endif
