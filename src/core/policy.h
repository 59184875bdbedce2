/* SPDX-License-Identifier: MIT */
/*
 * The core's numbers: geometry, thresholds and bounds, each with what it buys. There are two columns:
 * the ordinary build's, and the hardened build's (CAIRN_HARDENED), which the same sources make. The
 * checked build (CAIRN_CHECKED) is the ordinary one with a look at each block that comes and goes.
 */
#ifndef CAIRN_CORE_POLICY_H
#define CAIRN_CORE_POLICY_H

#include "base/config.h"

#ifndef CAIRN_HARDENED
#define CAIRN_HARDENED 0
#endif
#ifndef CAIRN_CHECKED
#define CAIRN_CHECKED 0
#endif
#define COLUMN(ordinary, hardened) (CAIRN_HARDENED ? (hardened) : (ordinary))

/* ---- geometry ---- */

enum {
    UNIT_SHIFT = 16,
    CHUNK_SHIFT = 21,
    CHUNK_UNITS = 1 << (CHUNK_SHIFT - UNIT_SHIFT), /* one bit each in a 32-bit mask */
};
#define UNIT_SIZE  ((size_t)1 << UNIT_SHIFT)  /* what a page is made of */
#define CHUNK_SIZE ((size_t)1 << CHUNK_SHIFT) /* a transparent huge page on x86-64 */

/* Metadata per unit and per chunk; the structs say what is in it. */
enum { PAGE_BYTES = COLUMN(64, 128), CHUNK_BYTES = 128 };

/* ---- sizes of blocks ---- */

#define SMALL_MAX         ((size_t)2048) /* malloc's straight line reaches this far */
#define MEDIUM_MAX        ((size_t)COLUMN(128, 16) * KIB) /* the largest class in use */
#define LARGE_MAX         ((size_t)32 * MIB)              /* above: a mapping of its own, */
#define LARGE_MAX_LIMITED ((size_t)16 * MIB)              /* earlier where address space is short */
#define SIZE_LIMIT        ((size_t)PTRDIFF_MAX)

/* ---- address space ---- */

#define WINDOW_SIZE (256 * GIB)
#define WINDOW_MIN  (2 * MIB)
/* Under an address limit the window is at most this part of it; the rest comes in small regions. */
#define WINDOW_LIMIT_SHARE 16
#define REGION_SIZE        (64 * MIB) /* regions beyond the window; fewer bytes where these do not fit */
#define REGIONS_KEPT       1          /* of those not in use */
#define COMMIT_STEP_MAX    (64 * MIB) /* memory becomes accessible in growing steps: few mappings */

/* ---- huge pages of the system's ---- */

/* Where they are left to us: none in the first so many bytes of a region, which small programs keep to; */
#define HUGE_FROM (32 * MIB)
/* beyond, where of the memory in pages at least this part was handed out. */
#define HUGE_DENSITY_PERCENT 80
/* Chunks that had to do without again: each cuts a mapping in three, and their number is limited. */
#define HUGE_UNDONE_MAX 500

/* ---- pages ---- */

/* A page's bump line moves on by this much at a time: memory is touched only when needed. */
#define EXTEND_BYTES 4096
/* How many sleeping pages of a class a heap keeps before those without a free become cold. */
#define ASLEEP_KEPT 7
/* A page of blocks up to this size serves in the order of their addresses, if when its turn comes */
#define ORDER_MAX 1024
/* at least this part of it is free (fewer lie too far apart), */
#define ORDER_SHARE 4
/* and so many pages wait after it. */
#define ORDER_LISTED 4
/* Of so many shelved pages or chunks that could serve next, the fullest does. */
#define FULLEST_OF 4
/* Of a machine with more, nodes share a shelf of the pool. */
#define NODES_MAX 8

/* ---- many threads ---- */

/* With so many heaps in use, those that are added borrow their first small blocks of each class */
#define BORROW_HEAPS COLUMN(16, SIZE_MAX)
#define BORROW_BYTES 256  /* about so much at a time, */
#define BORROW_MAX   2048 /* about so much in all, and four blocks at the least */

/* ---- threads that end ---- */

/* So many heaps wait for their next threads with pages. */
#define PARKED_HEAPS 4
/* Of a page more than so much was handed out: it does not wait with its heap. */
#define PARKED_ISSUED ((size_t)COLUMN(16, 32) * KIB)

/* ---- large blocks freed a moment ago ---- */

#define RECENT_ROWS  8 /* kept by a heap */
#define RECENT_SLACK 4 /* a row may be this part larger than what is asked for */

/* ---- large blocks that grow ---- */

/* One that grows by less than this part of it is copied to where there is room for so many times what
 * is needed: few copies. (By more, there are few anyway, and what others find behind it is cut small.) */
#define GROWTH_SHARE 4
#define GROWTH_ROOM  4
/* Above LARGE_MAX it has a mapping of its own, until it has shrunk to this. */
#define HUGE_LEAST ((size_t)2 * MIB)
/* A free row of at least so much is cleared by the system, and stays out of memory as far as unused. */
#define CLEAR_BY_SYSTEM ((size_t)4 * MIB)

/* ---- frees into other heaps ---- */

#define REMOTE_RINGS         32         /* pages gathered for at a time */
#define REMOTE_TARGETS       16         /* heaps gathered for at a time */
#define REMOTE_BUDGET        (32 * KIB) /* bytes held back before all is sent: bounds what may wait */
#define REMOTE_FLUSH_REFILLS 64         /* a heap that refills so often sends what it holds */
#define SHORT_BLOCKS         2048 /* from the active page alone, before a trip looks for mail, too; */
#define LARGE_AS_BLOCKS      32   /* a large block counts as so many */
#define REMOTE_DRAIN_MAX     256 /* batches taken in at one visit */

/* ---- giving memory back ---- */

/*
 * Free memory that was touched: up to the floor it stays for good. Beyond it, what was not needed
 * for about a delay goes back (within half a second more, on its own or at a later call). Beyond
 * the limit, which is the larger of an option and a share of what is in use, it goes back at once.
 */
#define DIRTY_FLOOR        (2 * MIB)
#define DIRTY_SHARE        4
#define DIRTY_AFTER_THREAD 4 /* when a thread has ended, this part of the option */
/* but no more goes back then than this for each millisecond since the last time, beyond a moment; */
#define THREAD_END_RATE   (256 * KIB)
#define THREAD_END_MOMENT 16 /* ms */
/* within it, so many units, of which one comes back whenever so many ms have passed. */
#define THREAD_END_CREDIT    192
#define THREAD_END_CREDIT_MS 8

/* ---- sampled guarded blocks ---- */

/* At most so many at a time, of at most so many bytes. */
#define SAMPLED_SLOTS 1024
#define SAMPLED_MAX   ((size_t)16 * KIB)
/* Where one of so many or fewer is wanted, a process takes so many a second: each costs some system calls, */
#define SAMPLED_LIMITED_FROM 2000
#define SAMPLED_PER_SECOND   400
/* after a rest so many at once. */
#define SAMPLED_AT_ONCE 20
/* One that is not taken for that makes the next so many times rarer. */
#define SAMPLED_PAUSE 8

/* ---- checks: what the checked build adds (checked.h) ---- */

/* A free block's second word proves that it is free, and that its link is what was written there. */
#define CHECKED CAIRN_CHECKED

/* ---- mitigations: what the hardened column adds; docs/security.md has their purpose and cost ---- */

/*
 * What is known of a block is kept apart from all blocks, a word each (slot.h): whether it is in use,
 * what was asked for, and by which family of functions. A free block holds nothing but zeros.
 */
#define SLOTTED CAIRN_HARDENED
/* Each block is so many bytes larger than asked for, at least; what is beyond holds a canary. */
#define CANARY_LEAST COLUMN(0, 1)
/* When memory is out a block may be larger by so much than its class's: a slot counts no more. */
#define LAST_SLACK 2047
/* Blocks are drawn at random from so many at a time, */
#define MAGAZINE_BLOCKS 128
/* which lie within about so many bytes, or are the first few. */
#define MAGAZINE_BYTES (16 * KIB)
#define MAGAZINE_FEW   16
/* A block is not used again, while there is memory, until so much else was freed in the process, */
#define QUARANTINE_BYTES ((int64_t)(640 * KIB))
/* a small block half as much (which makes more of them), */
#define QUARANTINE_SMALL_BYTES ((int64_t)(352 * KIB))
#define QUARANTINE_SMALL       1280
/* which is counted in ticks of so much. */
#define TICK_BYTES ((int64_t)(16 * KIB))
/* So much waits in the pages of the first thread's heap; of many threads each has its part, down to */
#define QUARANTINE_SHARES 8
/* one of so many. Beyond that a heap keeps half as much, or this part of what it has. */
#define QUARANTINE_KEPT_SHARE 8
/* Pages that no heap needs stay open for a moment: this part of DIRTY_MAX, or DIRTY_SHARE of what is in use. */
#define RETIRED_SHARE 8
/* Of so many blocks freed last a heap looks again whether they were written to: */
#define WATCHED_FREES 16
/* at the latest when a bin is empty; and the last one at each allocation of more than so many bytes. */
#define WATCH_ALWAYS 1024
/* At the exit it looks at all of its blocks, in about so many bytes of pages. */
#define SWEEP_AT_EXIT (64 * MIB)
/* Blocks freed last that are out of reach: so many large ones, so many huge ones, */
#define QUARANTINE_LARGE 256
#define QUARANTINE_HUGE  64
/* at most so many bytes of address space for either kind. */
#define QUARANTINE_RANGE (4 * GIB)
/* Behind each page, and each large block, so much cannot be accessed. */
#define GUARD_BYTES COLUMN(0, 4096)
/* Where that costs a page so many mappings, guards have this part of those that a process may have. */
#define GUARD_MAPPINGS 2
#define GUARD_SHARE    4

#endif
