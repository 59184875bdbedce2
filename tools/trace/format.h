/* SPDX-License-Identifier: MIT */
/*
 * The compressed form, as far as its reader and its writer share it; docs/trace-format.md describes
 * the whole.
 *
 * Events lie in blocks, and in a block by columns. What is likely is not written: both sides keep
 * the same model of the program's allocator, which expects
 *   - that a thread is given the block of that size class that was freed there last, or else the
 *     next one at the same distance as before,
 *   - that an allocation's stack is the one that followed the last one's stack the last time,
 *   - that a stack asks for the size that it asked for the last time,
 * and a free names its block by how many allocations ago it was made, among the last WINDOW of this
 * block of the file. The model is of fixed size and starts afresh in each block.
 */
#ifndef CAIRN_TOOLS_TRACE_FORMAT_H
#define CAIRN_TOOLS_TRACE_FORMAT_H

#include "trace/column.h"
#include "trace/event.h"

#define FORMAT_MAGIC                                                                               \
    "\x89"                                                                                         \
    "CAIRN\r\n" /* 8 bytes; damaged by what takes a file for text */

enum {
    FORMAT_VERSION = 1,
    FORMAT_HEADER = 24, /* magic; u32 version, bytes of this header, most raw bytes of a block; 0 */
    FORMAT_BLOCK = 32,  /* u32 mark, type, stored, raw; u64 first number, checksum */
    FORMAT_MARK = 0x4b4c4243,    /* "CBLK" */
    FORMAT_RAW = 1 << 20,        /* a block is written when it has about as many raw bytes */
    FORMAT_RAW_MAX = 32 << 20,   /* with long strings in it */
    FORMAT_STRING_MAX = 4 << 20, /* longer ones are cut */
    FORMAT_ENTRIES = 1 << 19,    /* the most entries of a block */
};

enum format_block { FORMAT_INFO = 1, FORMAT_EVENTS, FORMAT_END };

/* The low four bits of an entry's first byte: an enum trace_op, or */
enum {
    CODE_PROCESS = TRACE_OPS, /* definitions */
    CODE_THREAD,
    CODE_MODULE,
    CODE_NODE,
    CODE_ALIGN, /* the event that follows has an alignment */
    CODE_OWNER, /* the event that follows is of another process than its thread */
    CODES,
    CODE_MASK = 15,
    CODE_GAP = 16,       /* its number is not the next */
    CODE_SWITCH = 32,    /* its thread is not that of the event before */
    CODE_KNOWN = 64,     /* FREE: the block is named by its age */
    CODE_STACK = 128,    /* FREE: a stack follows */
    CODE_PLACE_SHIFT = 6 /* ALLOC, REALLOC: enum format_place in these two bits */
};

enum format_place { PLACE_FAR, PLACE_REUSED, PLACE_NEXT, PLACE_SAME };

/* The old block of a REALLOC; from AGE_FIRST on: its age. */
enum { AGE_FAR, AGE_NONE, AGE_FIRST };

enum format_column {
    COLUMN_CODE,
    COLUMN_GAP,
    COLUMN_TIME,
    COLUMN_SWITCH,
    COLUMN_STACK,
    COLUMN_SIZE,
    COLUMN_PTR,
    COLUMN_AGE,
    COLUMN_RARE, /* alignments, owners, stacks of frees, exit codes */
    COLUMN_DEFINITION,
    COLUMNS
};

enum { WINDOW = 1 << 16, CLASSES = 1 << 12, FREED = 8, STACKS = 1 << 12, RUNS = 1 << 8 };

/* A size class as a thread sees it. */
struct model_class {
    uint64_t freed[FREED]; /* a stack; the oldest are overwritten */
    uint32_t top, count;
    uint64_t last, stride;
};

struct model {
    uint64_t number, time, far; /* far: the last pointer that was written in full */
    uint32_t thread, made;      /* made: allocations so far in this block of the file */
    uint32_t run[RUNS];         /* by thread: its last stack */
    uint32_t next_stack[STACKS];
    uint64_t last_size[STACKS];
    struct model_class classes[CLASSES];
    struct model_made {
        uint64_t ptr;
        uint64_t size;
    } ring[WINDOW];
};

void model_reset(struct model *model, uint64_t first_number);

static inline struct model_class *model_class(struct model *model, uint32_t thread, uint64_t size)
{
    uint64_t group = (size + 15) / 16;
    if (group > 32) {
        unsigned doubling = 63 - (unsigned)__builtin_clzll(size);
        group = 32 + doubling * 8 + (size >> (doubling - 3) & 7);
    }
    return &model->classes[(group + thread * 677u) % CLASSES];
}

/* The stack and the size that are expected next. */
static inline uint32_t *model_stack(struct model *model, uint32_t thread)
{
    return &model->next_stack[model->run[thread % RUNS] % STACKS];
}

static inline uint64_t *model_size(struct model *model, uint32_t stack)
{
    return &model->last_size[stack % STACKS];
}

/* A block was given out, in that place. */
static inline void model_made(struct model *model, struct model_class *class, uint64_t ptr,
                              uint64_t size, enum format_place place)
{
    if (place == PLACE_REUSED) {
        class->top--;
        class->count--;
    } else {
        class->stride = ptr - class->last;
        class->last = ptr;
    }
    model->ring[model->made++ % WINDOW] = (struct model_made){ptr, size};
}

/* One of the ring was freed. */
static inline void model_freed(struct model *model, uint32_t thread, const struct model_made *made)
{
    struct model_class *class = model_class(model, thread, made->size);
    class->freed[class->top++ % FREED] = made->ptr;
    if (class->count < FREED)
        class->count++;
}

static inline uint64_t model_reused(const struct model_class *class)
{
    return class->freed[(class->top - 1) % FREED];
}

/*
 * A pointer in full: the difference to another, in units of 16 bytes, signed, of 60 bits; then twice
 * that as zigzag, and 1 more if a byte follows with the odd bytes.
 */
static inline uint64_t far_from(uint64_t ptr, uint64_t base)
{
    uint64_t units = (ptr & ~UINT64_C(15)) - (base & ~UINT64_C(15));
    uint64_t folded = zigzag((uint64_t)((int64_t)units >> 4));
    return folded << 1 | ((ptr & 15) != 0);
}

static inline uint64_t far_to(uint64_t folded, uint64_t base)
{
    return (base & ~UINT64_C(15)) + (unzigzag(folded >> 1) << 4);
}

#endif
