/* SPDX-License-Identifier: MIT */
/*
 * The language in which experiments are written: a list of calls on numbered blocks.
 *
 *     alloc I SIZE [ALIGN]    block I begins
 *     resize I SIZE           it gets another size
 *     free I                  it ends
 *
 * Patterns write such lists, recorded traces are turned into them, and every allocator is given the
 * same one. A list is sound by construction: what cannot be (a block that begins twice, or ends and
 * was not there) is refused where it is added. As text: one call a line, `#` begins a comment.
 */
#ifndef CAIRN_TOOLS_LAB_OPS_H
#define CAIRN_TOOLS_LAB_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum op_kind { OP_ALLOC, OP_RESIZE, OP_FREE };

struct op {
    uint64_t size;
    uint32_t block;
    uint8_t kind;  /* enum op_kind */
    uint8_t align; /* as a power of two: 4 is 16 bytes */
};

/* Zeroed, it is an empty list. */
struct ops {
    struct op *list;
    size_t count, room;
    uint64_t *sizes; /* of each block; OPS_NONE: not live */
    uint32_t blocks; /* numbers below it occur */
    uint32_t sizes_room;
    uint64_t live_bytes, live_blocks; /* at the end of the list so far */
    uint64_t peak_bytes, peak_blocks; /* the most at any time */
    uint64_t largest;                 /* block */
    uint8_t largest_align;            /* as a power of two */
};

enum { OPS_ALIGN = 4 }; /* what malloc gives: 16 bytes */
#define OPS_NONE UINT64_MAX

/* NULL, or what is wrong with it (then it is not added). */
const char *ops_add(struct ops *ops, enum op_kind kind, uint32_t block, uint64_t size,
                    uint8_t align);

/* A block with the next number that is free: that number. */
uint32_t ops_alloc(struct ops *ops, uint64_t size);
void ops_resize(struct ops *ops, uint32_t block, uint64_t size);
void ops_free(struct ops *ops, uint32_t block);

/* From a file ("-": standard input). False after a message with the line. */
bool ops_read(struct ops *ops, const char *path);

void ops_write(const struct ops *ops, FILE *to);

void ops_fini(struct ops *ops);

#endif
