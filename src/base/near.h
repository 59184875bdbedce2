/* SPDX-License-Identifier: MIT */
/*
 * Words compared without regard to case, exactly or by how many slips of the keyboard lie between
 * them; ASCII, whatever the locale. Pure, without allocation.
 */
#ifndef CAIRN_BASE_NEAR_H
#define CAIRN_BASE_NEAR_H

#include "base/config.h"

struct word {
    const char *data; /* not terminated */
    size_t length;
};

struct word cairn__word(const char *string);

/* The word's part from `at` on. */
static inline struct word word_from(struct word word, size_t at)
{
    return (struct word){word.data + at, word.length - at};
}

bool cairn__word_equal(struct word a, struct word b);
bool cairn__word_is(struct word word, const char *string);
bool cairn__word_begins(struct word word, const char *string);

/* Where the byte first stands in the word; its length if nowhere. */
size_t cairn__word_find(struct word word, char byte);

/*
 * Letters to insert, leave out or replace, and neighbours to swap, to get from one to the other
 * (optimal string alignment; Damerau, CACM 7/3, 1964). Words of more than NEAR_MAX letters are
 * NEAR_MAX apart from all others. O(a * b).
 */
enum { NEAR_MAX = 32 };
unsigned cairn__word_distance(struct word a, struct word b);

#endif
