/* SPDX-License-Identifier: MIT */
/* Keeping an allocator's state: see saved.h. */
#define _GNU_SOURCE
#include "lab/saved.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

void saved_keep(struct saved *saved, const struct subject *subject)
{
    size_t count = subject->span.count;

    saved->bytes = memory_resize(saved->bytes, subject->span.high + 1, 1);
    saved->size = subject->span.high;
    memcpy(saved->bytes, subject->span.start, saved->size);
    saved->pieces = memory_resize(saved->pieces, count + 1, sizeof *saved->pieces);
    if (count > 0)
        memcpy(saved->pieces, subject->span.pieces, count * sizeof *saved->pieces);
    saved->subject = *subject;
}

void saved_put_back(const struct saved *saved, struct subject *subject)
{
    struct span_piece *pieces = subject->span.pieces; /* has room: it only grows */
    size_t room = subject->span.room;

    *subject = saved->subject;
    subject->span.pieces = pieces;
    subject->span.room = room;
    if (subject->span.count > 0)
        memcpy(pieces, saved->pieces, subject->span.count * sizeof *pieces);
    memcpy(subject->span.start, saved->bytes, saved->size);
}

void saved_fini(struct saved *saved)
{
    free(saved->bytes);
    free(saved->pieces);
    *saved = (struct saved){.bytes = NULL};
}
