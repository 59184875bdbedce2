/* SPDX-License-Identifier: MIT */
/*
 * The equations of page.h, chunk.h, heap.h and remote.h, checked over everything there is: all
 * regions, chunks, pages, heaps and every block that lies in a list. For moments at which no other
 * thread is inside the library. A breach ends the process.
 */
#ifndef TEST_UNIT_AUDIT_H
#define TEST_UNIT_AUDIT_H

#include "core/heap.h"

struct audit {
    size_t live; /* blocks of classes handed out and not yet freed */
    size_t live_bytes; /* their sizes */
    size_t in_bins;
    size_t in_transit; /* in rings, chains and inboxes */
    size_t free; /* in pages' lists */
    size_t pages; /* of blocks */
    size_t large; /* pages of one large block */
    size_t cold;
    size_t shelved;
    size_t owned; /* by heaps */
    size_t units; /* of all pages; what the pool calls used */
    size_t free_units;
    size_t dirty_units;
};

/*
 * late: the heap for late calls if it should be walked too (cairn__late_acquire gives it), or NULL.
 * With lost units (a fork, a failed purge) expected: units_lost of them.
 */
struct audit audit_all(struct heap *late);
struct audit audit_with_lost(struct heap *late, size_t units_lost);

/* The block is in use: in its page, on its place, and in no list. After audit_all, until the next. */
void audit_is_live(const void *block);

#endif
