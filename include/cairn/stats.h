/* SPDX-License-Identifier: MIT */
/*
 * What the allocator holds, as a struct, as text and as JSON. Each number is explained in
 * docs/stats.md. Part of cairn.h.
 *
 * Figures are added up on demand; the straight lines of malloc and free keep none. Other threads go
 * on meanwhile, so figures may be off by what they just did; but they always add up. Nothing here
 * allocates, and any thread may call it at any time.
 */
#ifndef CAIRN_STATS_H
#define CAIRN_STATS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * In bytes, unless said otherwise. Later versions add fields at the end. At all times
 *     committed = live + page_free + page_unused + kept
 */
struct cairn_stats {
    size_t size;      /* of this struct, as the caller knows it: set it before the call */
    size_t reserved;  /* address space set aside; costs nothing */
    size_t mapped;    /* of that accessible, plus huge blocks */
    size_t committed; /* held from the system at most: live, plus free memory not yet returned */
    size_t peak_committed; /* the most that pages and large blocks took, and huge ones */
    size_t live;           /* in blocks handed out, rounded up to what they can hold */
    size_t huge; /* part of live: blocks with a mapping of their own, mostly above 32 MiB */
    size_t huge_count;
    size_t metadata;      /* mapped for the allocator's own records; more than it uses */
    size_t pages;         /* runs of equal blocks, and large blocks */
    size_t heaps;         /* one for each thread alive at the same time, and the program's own */
    size_t foreign_frees; /* pointers passed to free that were no blocks (any more) of ours */

    size_t large; /* part of live: blocks above 128 KiB that are not huge */
    size_t large_count;
    size_t page_free;   /* freed blocks, in pages; they serve new blocks of their size */
    size_t page_unused; /* in pages, never handed out; most of it was never touched either */
    size_t kept;        /* free, in no page, touched: what cairn_purge returns */
    size_t tables;      /* the accessible descriptors of pages; in addition to metadata */

    size_t asked;  /* about what live was asked for: large blocks exactly, others by samples */
    size_t handed; /* blocks up to 128 KiB handed to threads' caches so far, in number */
    size_t trips;  /* calls that found their thread's cache empty; handed - trips did not */
    size_t handed_large; /* large blocks handed out so far */
    size_t recent_large; /* of these from rows that the thread had kept */
};

/* Fills in as many fields as stats->size covers. O(memory held / 64 KiB). */
void cairn_stats_get(struct cairn_stats *stats);

enum cairn_stats_format {
    CAIRN_STATS_SUMMARY, /* a dozen lines that add up to the process's resident memory */
    CAIRN_STATS_TEXT,    /* the summary, then a line for each size of blocks and for each heap */
    CAIRN_STATS_JSON,    /* everything, in one line; "schema": "cairn.stats", "version": 1 */
};

/*
 * Prints statistics by calling write(context, bytes, count) any number of times; the bytes are not
 * terminated. write NULL: to stderr. The callback runs without any lock, and may allocate. It takes
 * 16 KiB of stack, and O(memory held), some milliseconds for a GiB, because it asks the system what
 * of it is in memory.
 */
void cairn_stats_print(void (*write)(void *context, const char *bytes, size_t count), void *context,
                       enum cairn_stats_format format);

#ifdef __cplusplus
}
#endif

#endif
