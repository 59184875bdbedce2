/* SPDX-License-Identifier: MIT */
/* What a heap is made of. */
#ifndef CAIRN_CORE_HEAP_PARTS_H
#define CAIRN_CORE_HEAP_PARTS_H

#include "core/page_list.h"

struct heap;

/* The pages of one class. */
struct shelf {
    struct page *active;     /* bin[class] is filled from it; NULL at first */
    struct page_list listed; /* have blocks to give; longest listed first */
    struct page_list asleep; /* latest first */
    struct page *spare; /* listed apart: wholly free, in one unit, for when all others are full */
};

/* Frees gathered for one page of another heap: blocks linked through their first word. */
struct ring {
    struct page *page; /* NULL: unused */
    void *first;
    void *last;
    uint32_t count;
};

/* Batches gathered for another heap, linked through their second word. */
struct target {
    struct heap *heap; /* NULL: unused */
    void *first;
    void *last;
};

enum heap_state {
    HEAP_LIVE,      /* a thread's */
    HEAP_IDLE,      /* waits for a thread, with pages or without */
    HEAP_SEPARATE,  /* the program's; separate.h */
    HEAP_DESTROYED, /* waits to be one of these again */
    HEAP_SHARED,    /* shared.h */
};

/* Of a class: whether its next trip is to bring a sampled block; not drawn yet, no, yes. */
enum sample { SAMPLE_UNKNOWN, SAMPLE_LATER, SAMPLE_DUE };

enum { HEAP_NAME_SIZE = 32 };

/* What a heap has done so far, for statistics: kept where the straight lines do not pass. */
struct heap_counts {
    uint64_t handed; /* blocks that went into bins */
    uint64_t trips;  /* times that an empty bin was filled for it */
    uint64_t large;  /* large blocks allocated */
    uint64_t recent; /* of these from rows that it had kept */
};

/* The blocks that malloc serves next. */
#if SLOTTED
typedef struct magazine {
    struct page *page; /* which all are of */
    uint16_t count;
    uint16_t at[MAGAZINE_BLOCKS]; /* their numbers in it, in random order; last first */
} heap_bin;
#else
typedef void *heap_bin; /* a list of them */
#endif

#endif
