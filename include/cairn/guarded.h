/* SPDX-License-Identifier: MIT */
/*
 * Any thread, if the source may be used by any thread. Guards around the blocks of any allocator: a
 * program that writes outside its blocks, uses them after it freed them, or frees what it must not is
 * stopped, and told what it did.
 *
 * Before and after each block lie bytes that nobody may change (canaries: StackGuard, Cowan et al.,
 * 1998), secret ones. A freed block is filled and kept for a while, so that late writes to it show.
 * Blocks can be laid against an OS page that nobody can access (Electric Fence, B. Perens, 1987), all
 * or a few drawn at random (GWP-ASan, 2019): then the access itself faults, and such a block faults
 * whole once it is freed. What is known of a block is noted outside of it, by address: no pointer is
 * looked at before it is known, so each free of what is no block is found, at once.
 *
 * Cost: an operation is O(1) and two looks into a hash table, plus O(size) to fill and to look at a
 * freed block. A block takes 32 bytes more of the source (more, if aligned to more than 16), and 70
 * to 100 of notes. With guard pages: one system call for alloc, two for free, and whole OS pages.
 */
#ifndef CAIRN_GUARDED_H
#define CAIRN_GUARDED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cairn_guarded_crime {
    CAIRN_GUARDED_WRITE_BEFORE,     /* "write before the start of block 0x40 of 24 bytes, at
                                       offset -1" */
    CAIRN_GUARDED_WRITE_AFTER,      /* "write after the end of block ..., at offset 24" */
    CAIRN_GUARDED_WRITE_AFTER_FREE, /* "write after free to block ..., at offset 8" */
    CAIRN_GUARDED_DOUBLE_FREE,      /* "double free of block ...": it is still kept */
    CAIRN_GUARDED_NO_BLOCK,         /* "free of 0x40, which is no block in use" */
    CAIRN_GUARDED_INSIDE, /* "free of 0x48, which lies in block 0x40 of 24 bytes, at offset 8" */
    CAIRN_GUARDED_WRONG_SIZE,  /* "free of block ... as one of 32 bytes" */
    CAIRN_GUARDED_WRONG_ALIGN, /* "free of block ... aligned to 16 as one aligned to 64" */
    CAIRN_GUARDED_GIVEN_TWICE, /* "given twice by the source: block ..." */
    CAIRN_GUARDED_LEAK,        /* "leak of block ...": by fini, to on_breach only */
    /* By cairn_guarded_explain only: */
    CAIRN_GUARDED_ACCESS_BEFORE,    /* "access before the start of block ..., at offset -8" */
    CAIRN_GUARDED_ACCESS_AFTER,     /* "access after the end of block ..., at offset 24" */
    CAIRN_GUARDED_ACCESS_AFTER_FREE /* "access after free to block ..., at offset 0" */
} cairn_guarded_crime;

typedef struct cairn_guarded_breach {
    cairn_guarded_crime crime;
    const void *ptr;     /* given by the caller, if that is what is wrong; else the block */
    const void *block;   /* the block that is meant; NULL: none */
    cairn_layout layout; /* it was allocated with */
    cairn_layout given;  /* by the caller who ends it, if that is what is wrong */
    ptrdiff_t offset;    /* in bytes from the block's start: of the first byte that was changed */
} cairn_guarded_breach;

typedef enum cairn_guarded_pages {
    CAIRN_GUARDED_NO_PAGES,
    CAIRN_GUARDED_PAGE_AFTER, /* blocks end at a guard page, or as near as their alignment allows */
    CAIRN_GUARDED_PAGE_BEFORE /* blocks begin behind one */
} cairn_guarded_pages;

enum {
    CAIRN_GUARDED_FRESH = 0xCF, /* the byte that fresh blocks are filled with, if they are */
    CAIRN_GUARDED_FREED = 0xDF  /* and freed ones */
};

typedef struct cairn_guarded_opts {
    /* For the notes; called under the lock. {NULL, NULL}: cairn_system(). Not the source: what
     * overwrites blocks should not reach the notes. */
    cairn_allocator records;

    /* Called with each breach, in the thread that met it, no lock held; what happens then is said at
     * each function. NULL: one line on stderr, "cairn: guarded: TEXT", and abort. */
    void (*on_breach)(void *context, const cairn_guarded_breach *breach);
    void *context;

    cairn_guarded_pages pages;
    size_t pages_from;  /* only for blocks of so many bytes or more */
    size_t pages_every; /* of those, one in so many on average, drawn at random. 0, 1: each */

    size_t canary; /* bytes that are guarded on each side. 0: 16; at most 4096 */
    bool fill_fresh;

    /* Freed blocks that are kept: at most so many (0: 8192), and so many bytes of the source (0: 8
     * MiB). The oldest leaves first, or one drawn at random. no_quarantine: none are kept; the
     * double free of a block is then the free of what is no block. */
    size_t quarantine_blocks;
    size_t quarantine_bytes;
    bool random_quarantine;
    bool no_quarantine;

    uint64_t seed; /* of canaries and draws. 0: from the system, another each time */
} cairn_guarded_opts;

typedef struct cairn_guarded_stats {
    size_t live, live_bytes;   /* blocks in use, and the sum of their sizes */
    size_t kept, kept_bytes;   /* freed ones in quarantine, and what they hold of the source */
    size_t taken_bytes;        /* from the source, in all */
    size_t stuck, stuck_bytes; /* freed, but the system refuses to make them accessible again: not
                                  given to the source, which might touch them */
    size_t pages;              /* blocks that got a guard page, up to now */
    size_t pages_missing;      /* that should have, but could not: they have canaries only */
    size_t canaries_missing;   /* that have none: the source had no room for them */
    size_t breaches;           /* up to now */
} cairn_guarded_stats;

/* In the caller's storage; all fields are private. */
typedef struct cairn_guarded {
    cairn_allocator source;
    cairn_guarded_opts opts;
    uint64_t secret;
    size_t os_page;
    bool watched;
    /* The rest under the lock. */
    uint32_t lock;
    uint64_t random;
    uint64_t until_page; /* blocks until one gets a guard page */
    struct cairn_guarded_slot *slots;
    size_t slot_count, used; /* slots: a power of two; records handed out */
    struct cairn_guarded_record *spare;
    struct cairn_guarded_batch *batches;
    struct cairn_guarded_record **ring; /* the quarantine: stats.kept records from `oldest` on */
    size_t ring_size, oldest;
    cairn_guarded_stats stats;
} cairn_guarded;

/* source: what is guarded; it must outlive the guarded. opts NULL: the defaults. Cannot fail. */
void cairn_guarded_init(cairn_guarded *guarded, cairn_allocator source,
                        const cairn_guarded_opts *opts);

/*
 * Gives everything back, blocks in use too, each looked at first; those are leaks, and their number is
 * returned. What is stuck even now stays mapped, and is not given back. O(n).
 */
size_t cairn_guarded_fini(cairn_guarded *guarded);

/*
 * alloc: NULL also when there is no memory for the notes. Never because of guards: what the source has
 * no room for is left out, first the page, then the canaries; and before it is out of memory, blocks
 * that are kept are given back. Any block that the source can serve can be had.
 * dealloc: a breach of the caller's about the pointer changes nothing; a layout that is not the
 * block's is passed over, and the block ends with its own.
 * realloc: the same, NULL for such a pointer. It always moves the block.
 * usable_size: the size asked for, no byte more. owns, if the source can tell: true also for blocks
 * that are kept.
 */
cairn_allocator cairn_guarded_allocator(cairn_guarded *guarded);

/* Looks at all blocks, in use and kept, and treats what was written where it must not be as a breach,
 * each once. Returns how many. O(n + bytes kept). */
size_t cairn_guarded_check(cairn_guarded *guarded);

/* Gives the blocks that are kept to the source, each looked at first. O(kept). */
void cairn_guarded_flush(cairn_guarded *guarded);

/*
 * What an access to this address would be: true, and one of the crimes ACCESS_..., if it lies in a
 * freed block or in the guards of any. For SIGSEGV handlers: allocates nothing; must not interrupt a
 * call of this guarded. The offset is that of the address. O(n).
 */
bool cairn_guarded_explain(const cairn_guarded *guarded, const void *address,
                           cairn_guarded_breach *breach);

/* The breach in words, as quoted above, cut to size and ended by 0; how long it is uncut. Allocates
 * nothing. size 0 writes nothing. */
size_t cairn_guarded_describe(const cairn_guarded_breach *breach, char *text, size_t size);

void cairn_guarded_stats_get(const cairn_guarded *guarded, cairn_guarded_stats *stats); /* O(1) */

/* Calls visitor for each block in use and each kept one (not in use), in no order. The visitor must
 * not call the guarded. False: it stopped the walk. O(n). */
bool cairn_guarded_visit(const cairn_guarded *guarded, cairn_visitor *visitor, void *context);

/* NULL, or what is wrong: with the notes, or with the canaries and fills of any block. O(n + bytes
 * kept). */
const char *cairn_guarded_audit(const cairn_guarded *guarded);

#ifdef __cplusplus
}
#endif

#endif
