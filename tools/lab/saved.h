/* SPDX-License-Identifier: MIT */
/*
 * An allocator's state, kept and put back: the bytes of its memory, and what is written down about
 * them beside it. So an experiment can try something and be as it was, and can be stepped back.
 * Only for what subject_can_be_saved says.
 */
#ifndef CAIRN_TOOLS_LAB_SAVED_H
#define CAIRN_TOOLS_LAB_SAVED_H

#include "lab/subject.h"

/* Zeroed, it is empty. */
struct saved {
    struct subject subject;
    struct span_piece *pieces;
    char *bytes;
    size_t size; /* of bytes: span.high */
};

/* What was kept in it before is dropped. O(memory touched). */
void saved_keep(struct saved *saved, const struct subject *subject);
void saved_put_back(const struct saved *saved, struct subject *subject);
void saved_fini(struct saved *saved);

#endif
