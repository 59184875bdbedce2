/* SPDX-License-Identifier: MIT */
/*
 * What cairn-replayer finds out, in a file that both processes have mapped: so it is there, too,
 * when the replayer does not live to its end.
 */
#ifndef CAIRN_TOOLS_REPLAYER_RESULT_H
#define CAIRN_TOOLS_REPLAYER_RESULT_H

#include <stdint.h>

enum { RESULT_VERSION = 1, RESULT_CHECKPOINTS = 1000, RESULT_TEXT = 512 };

enum result_state {
    RESULT_NOT_STARTED,
    RESULT_PREPARED, /* its own memory is there, the operations begin */
    RESULT_DONE,
    RESULT_FAULT, /* the allocator did what it must not: `text` says what */
    RESULT_OUT_OF_MEMORY,
    RESULT_UNFIT,     /* the library cannot be a malloc: `text` */
    RESULT_BROKEN,    /* the replayer could not do its work: `text` */
    RESULT_MISCOUNTED /* what is live is not what the plan says: `text` */
};

/* All threads stand still. Bytes; what the replayer needs for itself is not in rss. */
struct result_sample {
    uint64_t at; /* operations of the trace done */
    uint64_t blocks, requested;
    uint64_t granted; /* by malloc_usable_size */
    uint64_t rss;
};

struct result {
    uint32_t version, state;
    uint32_t checks_granted; /* malloc_usable_size is the allocator's own */
    uint32_t high_water;     /* peak_rss is of the operations alone */
    double wall, cpu;        /* seconds, of the operations */
    uint64_t operations;     /* done */
    uint64_t minor_faults, major_faults;
    uint64_t rss_before, peak_rss, rss_after; /* bytes; after: all blocks freed */
    uint64_t blocks_at_end, bytes_at_end;     /* live before the rest was freed */
    uint64_t samples;
    char malloc_file[RESULT_TEXT]; /* where malloc is from */
    char text[RESULT_TEXT];
    struct result_sample sample[RESULT_CHECKPOINTS];
};

#endif
