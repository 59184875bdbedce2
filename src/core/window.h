/* SPDX-License-Identifier: MIT */
/*
 * Where user blocks lie: regions of address space, each reserved without access and made accessible
 * from its start in growing steps, never back (two mappings a region, however much it holds). The
 * first and largest is the window: one subtraction tells whether a pointer is in it and which page
 * it belongs to. Where the window is full, or an address limit makes it small, further regions serve;
 * their blocks are found through the map, on slow paths only.
 *
 * A region's metadata (a page descriptor a unit, a header a chunk, a bit a chunk) is a mapping of
 * its own, made accessible in step with it.
 */
#ifndef CAIRN_CORE_WINDOW_H
#define CAIRN_CORE_WINDOW_H

#include <stdatomic.h>

#include "base/bits.h"
#include "core/map.h"
#include "core/policy.h"

struct page;  /* page.h: PAGE_BYTES each */
struct chunk; /* chunk.h: CHUNK_BYTES each */

/*
 * What free() needs on its straight line. `size` is the part of the window that can be accessed; it
 * only grows. Whoever holds a block has it, directly or not, from a thread that has seen the window
 * grow so far; so a plain load does. Before there is a window, base is such that no pointer is in it.
 */
struct window {
    uintptr_t base;
    size_t size;
    struct page *pages;
};
extern HIDDEN struct window cairn__window;

/* Where the pointer lies in the window; not below window_size(): outside. */
static inline size_t window_offset(const void *ptr)
{
    return (uintptr_t)ptr - cairn__window.base;
}

static inline size_t window_size(void)
{
    if (CAIRN_TSAN) /* the argument above is beyond it; elsewhere a plain load saves an instruction */
        return __atomic_load_n(&cairn__window.size, __ATOMIC_RELAXED);
    return cairn__window.size;
}

struct region {
    /* Set once. */
    uintptr_t base;       /* aligned to CHUNK_SIZE */
    size_t size;          /* the window's may shrink; under the grow lock then */
    struct page *pages;   /* [size / UNIT_SIZE] */
    struct chunk *chunks; /* [size / CHUNK_SIZE] */
    uint64_t *giving;     /* a bit a chunk: it has units in the pool. Under the pool's lock. */
    struct region *next;  /* newest first, behind the window's; atomic reads by _first/_next */
    size_t used;          /* units taken from the pool; under its lock */
    /* Under the grow lock; `opened` is read by others (relaxed). */
    size_t committed;      /* bytes from base that can be accessed */
    size_t step_from;      /* where the last step of committing began, */
    bool huge_step;        /* whether it has huge pages, */
    bool huge_before;      /* and the step before it */
    _Atomic size_t opened; /* chunks from base that were given to the pool; <= committed */
};

/* Bytes in pages of blocks, and of these handed out at least once: how dense memory is in use. */
extern HIDDEN _Atomic size_t cairn__bytes_in_pages;
extern HIDDEN _Atomic size_t cairn__bytes_handed_out;

/* The process had an address limit when it started: address space is not to be wasted. */
bool cairn__window_is_limited(void);

/* At process start: reserves the window, as large as it can be had. */
void cairn__window_start(void);

/*
 * Makes `count` fresh chunks in a row accessible: their region, and the first's index in *first.
 * NULL when out of memory. Under the grow lock.
 */
struct region *cairn__window_extend(size_t count, size_t *first);

/*
 * Takes a region other than the window, of which nothing is in use, out of the list of regions. Under
 * the grow lock and the pool's.
 */
void cairn__window_unlink(struct region *region);
/* Then gives its address space back. Under the grow lock. */
void cairn__window_release(struct region *region);

/* The region that ptr lies in, or NULL. Any thread, no lock. */
static inline struct region *region_outside_window(const void *ptr)
{
    struct map_entry entry = cairn__map_find(ptr);
    return entry.kind == MAP_REGION ? entry.record : NULL;
}

/* All regions, for walking: the window's first. */
struct region *cairn__region_first(void);
struct region *cairn__region_next(const struct region *region);

#endif
