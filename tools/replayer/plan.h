/* SPDX-License-Identifier: MIT */
/*
 * A plan: a trace made ready to be done again. `cairn replay` writes it, cairn-replayer executes it.
 *
 * The file has a header, chunks of words, and tables at the end. Each thread of the replay has a
 * stream of its own, a list of chunks. A word of 64 bits is an operation, or tells what to wait for:
 *
 *   bits 0 to 3    enum plan_kind
 *   bits 4 to 31   of an operation: the size asked for, or PLAN_LONG: the word that follows has it,
 *                  with the binary logarithm of the alignment in its upper 6 bits
 *   bits 32 to 63  of an operation: the number of the block; numbers are dense, and used again
 *
 *   PLAN_WAIT      bits 4 to 15: a stream; bits 16 to 63: until it has done so many operations
 *   PLAN_MARK      bits 4 to 63: the next operation is this one in the order of the trace
 *
 * Boundaries cut the trace into cells of some operations. A stream has a mark before its first
 * operation in each cell, so all threads can be stopped at a boundary: what is before it is done,
 * and nothing behind it. Nothing straddles two chunks.
 */
#ifndef CAIRN_TOOLS_REPLAYER_PLAN_H
#define CAIRN_TOOLS_REPLAYER_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC UINT64_C(0x31304e414c504343) /* "CCPLAN01" */

enum {
    PLAN_CHUNK_WORDS = 4096, /* 32 KiB: stays in the first caches */
    PLAN_STREAMS = 256,
    PLAN_DRIFT = 4096, /* operations by which a thread may be ahead of the slowest, at a mark */
    PLAN_CELL_MOST = PLAN_DRIFT / 2, /* more, and waiting for drift could have no end */
    PLAN_LONG = (1 << 28) - 1,
    PLAN_SIZE_BITS = 58,
};

enum plan_kind {
    PLAN_NOTHING, /* to the end of the chunk */
    PLAN_ALLOC,
    PLAN_ALLOC_ZEROED,
    PLAN_ALLOC_ALIGNED, /* always long */
    PLAN_REALLOC,
    PLAN_FREE,
    PLAN_WAIT,
    PLAN_MARK,
    PLAN_SUCCESSOR, /* the thread ends; another goes on with the stream */
};

struct plan_header {
    uint64_t magic;
    uint64_t operations, allocations, reallocations, frees;
    uint64_t numbers;                 /* of blocks: 0 to numbers - 1 */
    uint64_t most_blocks, most_bytes; /* live at once, and bytes asked for */
    uint64_t most_at;                 /* the operation after which most bytes were live */
    uint64_t blocks_at_end, bytes_at_end;
    uint64_t streams, boundaries, chunks;
    uint64_t streams_at, boundaries_at, chunks_at; /* where the tables are in the file */
};

struct plan_stream {
    uint64_t first; /* its first operation in the order of the trace; UINT64_MAX: it has none */
    uint64_t operations;
    uint64_t chunks; /* how many of the table's, after those of the streams before it */
};

/* What is live before operation `at`. */
struct plan_boundary {
    uint64_t at, blocks, bytes;
};

/* The table of chunks: where each is in the file (uint64_t), stream by stream. */

static inline enum plan_kind plan_kind_of(uint64_t word)
{
    return (enum plan_kind)(word & 15);
}

static inline uint64_t plan_operation(enum plan_kind kind, uint64_t size, uint64_t number)
{
    return (uint64_t)kind | size << 4 | number << 32;
}

static inline uint64_t plan_size_of(uint64_t word)
{
    return word >> 4 & PLAN_LONG;
}

static inline uint64_t plan_number_of(uint64_t word)
{
    return word >> 32;
}

static inline uint64_t plan_wait(uint64_t stream, uint64_t operations)
{
    return PLAN_WAIT | stream << 4 | operations << 16;
}

static inline uint64_t plan_mark(uint64_t at)
{
    return PLAN_MARK | at << 4;
}

#endif
