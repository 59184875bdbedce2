/* SPDX-License-Identifier: MIT */
/*
 * Any thread, if the source may be used by any thread. The oracle: an allocator around another that
 * holds both sides to the contract of allocator.h. Of the source it asks that blocks are aligned,
 * apart from each other, zeroed when they should be, kept by realloc, and known to owns and
 * usable_size; of the caller that each block is ended once, as it was allocated, and not written to
 * afterwards. What breaks the contract is named. A caller's crime does not reach the source.
 *
 * It notes each block outside the blocks, in a balanced tree by address (a treap: Aragon and Seidel,
 * 1989), so an operation costs O(log n) for n blocks, plus O(size) for realloc, which compares
 * contents, and for dealloc, which fills the block and keeps it for a while to see who writes to it.
 */
#ifndef CAIRN_CHECKED_H
#define CAIRN_CHECKED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cairn_checked_crime {
    /* of the source */
    CAIRN_CHECKED_MISALIGNED,    /* "block not aligned" */
    CAIRN_CHECKED_OVERLAP,       /* "block overlaps another" */
    CAIRN_CHECKED_NOT_ZERO,      /* "zeroed block is not zero" */
    CAIRN_CHECKED_CONTENTS_LOST, /* "realloc lost contents": moved, or failed and left it changed */
    CAIRN_CHECKED_USABLE_TOO_LITTLE, /* "usable size below the size" */
    CAIRN_CHECKED_NOT_OWNED,         /* "owns denies a block" */
    /* of the caller */
    CAIRN_CHECKED_NO_BLOCK,         /* "not a block in use": freed, or never allocated here */
    CAIRN_CHECKED_INSIDE,           /* "pointer into a block" */
    CAIRN_CHECKED_DOUBLE_FREE,      /* "block freed twice" */
    CAIRN_CHECKED_LAYOUT,           /* "freed with another layout" */
    CAIRN_CHECKED_WRITE_AFTER_FREE, /* "block written to after it was freed" */
    CAIRN_CHECKED_BAD_REQUEST       /* "layout that is not valid": the ops were called directly */
} cairn_checked_crime;

typedef struct cairn_checked_breach {
    cairn_checked_crime crime;
    const char *text;   /* as quoted above */
    const void *ptr;    /* as given, or as the source returned it */
    cairn_layout block; /* of the block that is meant, as far as it is known */
    cairn_layout given; /* by the caller, if that is what is wrong */
} cairn_checked_breach;

typedef struct cairn_checked_opts {
    /* For the notes: 48 bytes a block. {NULL, NULL}: cairn_system(). Not the source: a fault there
     * would take the notes with it. */
    cairn_allocator records;

    /*
     * Called with each breach, in the thread that met it, no lock held; the operation then goes on
     * as if the caller's part had not been asked for, or with what the source gave. NULL: one line
     * on stderr, "cairn: checked: TEXT: ...", and abort.
     */
    void (*on_breach)(void *context, const cairn_checked_breach *breach);
    void *context;

    /* Freed blocks that are kept, filled with 0xDF, before the source gets them back: at most so
     * many (0: 256), and so many bytes (0: 1 MiB). no_quarantine: none; the source sees each
     * dealloc at once, and writes after it are not seen. */
    size_t quarantine_blocks;
    size_t quarantine_bytes;
    bool no_quarantine;
} cairn_checked_opts;

/* In the caller's storage; all fields are private. */
typedef struct cairn_checked {
    cairn_allocator source;
    cairn_checked_opts opts;
    struct cairn_checked_record *root;                   /* of the tree, all records */
    struct cairn_checked_record *first_kept, *last_kept; /* freed, oldest first */
    size_t kept, kept_bytes;
    size_t live, live_bytes;
    uint32_t lock;
} cairn_checked;

/* source: what is checked; it must outlive the checked. opts NULL: the defaults. Cannot fail. */
void cairn_checked_init(cairn_checked *checked, cairn_allocator source,
                        const cairn_checked_opts *opts);

/*
 * Gives back what is kept and all notes. The blocks that the caller did not end are given to the
 * source, too; returns how many they were. O(n).
 */
size_t cairn_checked_fini(cairn_checked *checked);

/* Gives the blocks that are kept to the source, each looked at first. O(kept). */
void cairn_checked_flush(cairn_checked *checked);

/* All ops; owns as exact as the notes: true for any byte of a block in use. alloc is NULL also when
 * there is no memory for the note. */
cairn_allocator cairn_checked_allocator(cairn_checked *checked);

/* Blocks in use, and the sum of their sizes. */
size_t cairn_checked_live(const cairn_checked *checked);
size_t cairn_checked_live_bytes(const cairn_checked *checked);

/* Calls visitor for each block in use (its size as asked for) and each kept one, by address. The
 * visitor must not call the checked. False: it stopped the walk. */
bool cairn_checked_visit(const cairn_checked *checked, cairn_visitor *visitor, void *context);

/* NULL, or what is wrong with the notes. Blocks that are kept are looked at (and reported as
 * breaches of the caller only when they leave). O(n). */
const char *cairn_checked_audit(const cairn_checked *checked);

#ifdef __cplusplus
}
#endif

#endif
