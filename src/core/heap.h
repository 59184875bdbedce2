/* SPDX-License-Identifier: MIT */
/*
 * A heap: the pages that one thread allocates from, and the lists of blocks it hands out. No lock:
 * everything but the inbox is its thread's alone. (Three kinds of heap have no thread. The shared one
 * and separate ones are used under their locks; an idle one, between two threads, under the
 * registry's, where it may keep pages: registry.h.)
 *
 * Blocks in a bin count as in use. A bin holds blocks of the class's active page, or, where there is
 * none yet, blocks borrowed from the shared heap. bin.h has what is done with one.
 */
#ifndef CAIRN_CORE_HEAP_H
#define CAIRN_CORE_HEAP_H

#include "base/random.h"
#include "core/heap_parts.h"
#include "os/lock.h"

/*
 * What nearly every thread writes comes first: a heap begins at a boundary of 4 KiB, and of most heaps
 * of a large crowd only this much is ever in memory.
 */
struct heap {
    heap_bin bin[CLASS_COUNT]; /* what malloc takes from; [0] always empty */

    /*
     * A slow path is under way: lists may be half edited. A child of fork takes over the heaps of
     * the threads that it has not only where this is false. The straight lines of malloc and free
     * leave at most one block unaccounted when they stop half way.
     */
    volatile bool busy;
    bool fresh;    /* the block that refill gave last was never handed out, and reads as zero */
    bool borrows;  /* set when a thread takes the heap */
    bool separate; /* set once: the program's own; separate.h */

    uint8_t recent_next;   /* see recent */
    uint32_t refills;      /* so far */
    uint32_t short_blocks; /* that trips may still bring before a long one; refill.h */
    struct lock *shared;   /* set once; NULL: one thread's */
    int64_t budget;        /* bytes of frees on their way out that may still be held back */
    void *pending;         /* batches taken from the inbox and not yet dealt with */
    void *strays;          /* batches that came to an idle heap; this heap passes them on */
    struct heap_counts counts;
    uint8_t borrowed[CLASS_COUNT]; /* blocks borrowed so far; refill.c */

    /* Under the registry's lock. */
    struct heap *next_known; /* all heaps */
    size_t number;           /* the oldest is 1; set once */
    struct heap *next_idle;
    bool waited; /* parked since before the last step of purging */

    /* What was asked for: means, in sixteenths of a byte; 0: nothing. */
    uint32_t asked[CLASS_COUNT];

    /* These two, other threads write; in lines of their own. */
    _Atomic(void *) inbox ALIGNED(CACHE_LINES); /* batches sent here, linked; remote.h */
    _Atomic int state;                          /* enum heap_state */

    /* Of a separate heap, under its lock. */
    struct lock lock;
    struct page_list large; /* its large blocks */
    struct huge *huge;      /* its huge ones; large.h */
    size_t huge_bytes;
    struct heap *next_separate; /* set once */
    char name[HEAP_NAME_SIZE];  /* as the program called it; may be empty */

    /* Frees on their way out. */
    struct ring ring[REMOTE_RINGS] ALIGNED(CACHE_LINES);
    struct target target[REMOTE_TARGETS];

    struct shelf shelf[CLASS_COUNT];

    /* Large blocks freed a moment ago; recent.h. Others take from it. */
    _Atomic uintptr_t recent[RECENT_ROWS];

    /* Where sampled.h is in use. */
    uint8_t sample[CLASS_COUNT]; /* enum sample; */
    uint8_t sample_due; /* so many of them are DUE, and no trips are short until they had theirs */
    uint32_t sample_given; /* what short_blocks was at first */
    uint64_t sample_random;
    uint64_t sample_skip; /* so many blocks go into bins before the next one is chosen */

    /* Hardened. */
    int64_t waiting;    /* bytes of free blocks in its pages, those in bins not counted, */
    int64_t quarantine; /* and how many it keeps in any case */
    int64_t until_tick; /* age.h */
    int64_t owned;      /* bytes of pages that it took fresh and has not given back, about */
    struct random random[SLOTTED];
    void *watched[WATCHED_FREES * SLOTTED]; /* freed last */
    unsigned watched_next;
};

/*
 * The one word of thread-local storage: the thread's heap, or one of the two heaps below, whose bins
 * are always empty and which own no page; so the straight lines need no test for them.
 */
extern HIDDEN __thread struct heap *cairn__heap __attribute__((tls_model("initial-exec")));
extern HIDDEN struct heap cairn__heap_none; /* the thread has not allocated yet */
extern HIDDEN struct heap cairn__heap_gone; /* the thread has ended, as far as we were told */

/* Whether there was ever more than one thread that allocates or frees. */
extern HIDDEN _Atomic bool cairn__has_threads;

static inline bool has_threads(void)
{
    return atomic_load_explicit(&cairn__has_threads, memory_order_relaxed);
}

static inline bool heap_is_real(const struct heap *heap)
{
    return heap != &cairn__heap_none && heap != &cairn__heap_gone;
}

/* Makes zeroed memory a heap. */
void cairn__heap_init(struct heap *heap, struct lock *shared);

/* Around every edit of a heap's lists. Returns what to leave with: edits nest. */
static inline bool heap_enter(struct heap *heap)
{
    bool outer = heap->busy;
    heap->busy = true;
    atomic_signal_fence(memory_order_seq_cst);
    return outer;
}

static inline void heap_leave(struct heap *heap, bool outer)
{
    atomic_signal_fence(memory_order_seq_cst);
    heap->busy = outer;
}

/* Notes what was asked for: once a trip, so the mean is of samples, the last sixteen weighing most. */
static inline void heap_note_asked(struct heap *heap, unsigned class, size_t size)
{
    uint32_t mean = heap->asked[class];
    heap->asked[class] = mean == 0 ? (uint32_t)size * 16 : mean - mean / 16 + (uint32_t)size;
}

/* ---- frees ---- */

/* What the hardened build counts; elsewhere these parts of a heap are not written, nor in memory. */

/* Free blocks have come, or, if negative, have gone into a bin; */
static inline void heap_add_waiting(struct heap *heap, const struct page *page, int64_t blocks)
{
    if (SLOTTED)
        heap->waiting += blocks * page->size;
}

/* Moves the clock by as many ticks as the heap's thread has freed. */
COLD void cairn__tick(struct heap *heap);

/* The program has freed blocks of the page, which it may not have back soon; */
static inline void heap_count_freed(struct heap *heap, const struct page *page, size_t blocks)
{
#if SLOTTED
    heap->until_tick -= (int64_t)(blocks * page->size);
    if (UNLIKELY(heap->until_tick <= 0))
        cairn__tick(heap);
#else
    (void)heap, (void)page, (void)blocks;
#endif
}

/* pages have come, or gone; */
static inline void heap_add_owned(struct heap *heap, const struct page *page, int64_t pages)
{
    if (SLOTTED)
        heap->owned += pages * ((int64_t)page->units << UNIT_SHIFT);
}

/* what is left has so many free bytes. */
static inline void heap_set_waiting(struct heap *heap, int64_t bytes)
{
    if (!SLOTTED)
        return;
    heap->waiting = bytes;
    heap->owned = 0;
}

/* page->needed has come down to 0: the page wakes up, or is empty and may leave the heap. */
void cairn__heap_event(struct heap *heap, struct page *page);

static inline void heap_free_local(struct heap *heap, struct page *page, void *block)
{
    heap_add_waiting(heap, page, 1);
    heap_count_freed(heap, page, 1);
    if (UNLIKELY(page_free_block(page, block)))
        cairn__heap_event(heap, page);
}

/* Frees `count` blocks first..last, linked, of a page of this heap. */
void cairn__heap_free_batch(struct heap *heap, struct page *page, void *first, void *last,
                            unsigned count);

/* The same of blocks that no program has had since they went into a bin. */
void cairn__heap_take_back(struct heap *heap, struct page *page, void *first, void *last,
                           unsigned count);

/* Makes a cold page this heap's, if nobody else is quicker. */
bool cairn__heap_adopt(struct heap *heap, struct page *page);

/* ---- pages ---- */

/* The active page has nothing left to give: it sleeps. */
void cairn__heap_sleep(struct heap *heap, unsigned class);

/* A page of the class with blocks to give becomes the active one; NULL when out of memory. */
struct page *cairn__heap_next_page(struct heap *heap, unsigned class);

/*
 * The same when memory is out: of the pages that there are already, at last also one that sleeps and
 * has any block at all. NULL if there is none. O(sleeping pages of the class).
 */
struct page *cairn__heap_last_page(struct heap *heap, unsigned class);

/* Gives back the pages of which nothing is in use. The bins are empty. */
void cairn__heap_trim(struct heap *heap);

/*
 * Gives all pages away: to the depot, to the pool, or to whoever frees one of their blocks. The bins
 * are empty.
 */
void cairn__heap_abandon(struct heap *heap);

/*
 * The same, but for what the next thread of this heap begins with: active pages of one unit of which
 * little was handed out. True: there are some.
 */
bool cairn__heap_abandon_most(struct heap *heap);

#endif
