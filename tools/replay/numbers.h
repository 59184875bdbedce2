/* SPDX-License-Identifier: MIT */
/*
 * Numbers for the live blocks of a trace: dense, so that a replay can keep its blocks in a table,
 * and used again. A stream takes what it gave back last, so that it need not wait for anybody; what
 * it has too many of goes to all, and is taken from there in the order in which it came, when there
 * is enough for whoever gave it to be long done. So there are at most as many numbers as blocks were
 * live at once, and some thousands.
 */
#ifndef CAIRN_TOOLS_REPLAY_NUMBERS_H
#define CAIRN_TOOLS_REPLAY_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

enum {
    NUMBERS_OWN = 1024,   /* that a stream keeps */
    NUMBERS_QUIET = 4096, /* that all have, before one is taken from there */
};

/* Who used a number last: the operation-th of a stream, from 1. operation 0: nobody. */
struct number_use {
    uint64_t stream    : 12;
    uint64_t operation : 52;
};

struct numbers {
    struct number_use *uses; /* by number */
    uint64_t count, room;
    uint32_t **own;     /* by stream: a stack */
    size_t *own_counts; /* by stream */
    size_t streams;
    uint32_t *common; /* a ring */
    size_t common_first, common_count, common_room;
};

void numbers_init(struct numbers *numbers, size_t streams);
void numbers_fini(struct numbers *numbers);

uint32_t numbers_take(struct numbers *numbers, size_t stream);
void numbers_give(struct numbers *numbers, size_t stream, uint32_t number);

#endif
