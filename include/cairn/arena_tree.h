/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time, for a whole tree. What else ends with an arena (arena.h): cleanups, which
 * are functions to be called then, and children, which are arenas made with opts.parent. The idea is
 * that of the Apache Portable Runtime's pools (apr_pools.h, 2000) and of talloc (A. Tridgell, 2004).
 *
 * What is ended is ended in the reverse of the order it was made in, children before cleanups:
 *     destroy, fini   of the parent destroys its children (those in the caller's storage: fini)
 *     rewind          destroys the children that came after the mark; older ones stay as they are
 *     reset           resets the children, each before its parent
 * Nothing recurses: a tree may be as deep as memory allows.
 *
 * While an arena is being ended, from the first cleanup below it to its own last one, its blocks are
 * still there, but it serves no requests, takes no cleanups and children, and is neither marked, nor
 * rewound, reset or destroyed: each of these functions says how it refuses. Cleanups return.
 */
#ifndef CAIRN_ARENA_TREE_H
#define CAIRN_ARENA_TREE_H

#include "cairn/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void cairn_arena_cleanup(void *argument);

/*
 * Has cleanup(argument) called when the arena is destroyed, reset, or rewound to before this. False:
 * out of memory, no function, or the arena is being ended; it will not be called. Takes 24 bytes
 * in the arena. O(1).
 */
bool cairn_arena_add_cleanup(cairn_arena *arena, cairn_arena_cleanup *cleanup, void *argument);

/* Takes back the latest of these; its 24 bytes stay in use. False: there is none. O(cleanups). */
bool cairn_arena_remove_cleanup(cairn_arena *arena, cairn_arena_cleanup *cleanup, void *argument);

/*
 * Hands an arena to another parent, as its latest child, or to none (NULL). False, and nothing done:
 * parent is the arena itself or below it, or one of them is being ended. O(depth of parent).
 */
bool cairn_arena_set_parent(cairn_arena *arena, cairn_arena *parent);

/* NULL: it has none. */
cairn_arena *cairn_arena_parent(const cairn_arena *arena);

/*
 * The next of root and all arenas below it, parents before their children, later children first:
 * root for NULL; NULL after the last one. The tree must not change on the way. O(1) amortised.
 */
cairn_arena *cairn_arena_tree_next(const cairn_arena *root, const cairn_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
