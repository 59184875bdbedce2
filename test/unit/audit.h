/* SPDX-License-Identifier: MIT */
/*
 * The equations of page.h, chunk.h, heap.h, remote.h and separate.h, checked over everything there
 * is: all regions, chunks, pages, heaps and every block that lies in a list. For moments at which no
 * other thread is inside the library. A breach ends the process.
 */
#ifndef TEST_UNIT_AUDIT_H
#define TEST_UNIT_AUDIT_H

#include "core/heap.h"

struct audit {
    size_t live;       /* blocks of classes handed out and not yet freed */
    size_t live_bytes; /* their sizes */
    size_t out_bytes;  /* and those in bins and in transit: all that is not in a page's list */
    size_t in_bins;
    size_t in_transit; /* in rings, chains and inboxes */
    size_t free;       /* in pages' lists */
    size_t pages;      /* of blocks */
    size_t large;      /* pages of one large block */
    size_t huge_bytes; /* of separate heaps' huge blocks */
    size_t kept;       /* units of those that heaps keep for the next one */
    size_t cold;
    size_t shelved;
    size_t owned; /* by heaps */
    size_t units; /* of all pages; what the pool calls used */
    size_t free_units;
    size_t dirty_units;
};

/* shared: the heap of those who have none, locked, if it should be walked too; or NULL. */
struct audit audit_all(struct heap *shared);
/* Locks it for the audit. */
struct audit audit_with_shared(void);

/* The block is in use: on its place, in no list. After an audit, until the next. */
void audit_is_live(const void *block);

/* Heaps there are, in whatever state, but for the shared one. */
size_t audit_heaps_known(void);

/* What a thread's end does with a heap's blocks and pages, for a heap in use: it starts over. */
void unit_abandon(struct heap *heap);
void unit_abandon_shared(void);

#endif
