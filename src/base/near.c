/* SPDX-License-Identifier: MIT */
/* See near.h. */
#include "base/near.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

struct word cairn__word(const char *string)
{
    return (struct word){string, strlen(string)};
}

bool cairn__word_equal(struct word a, struct word b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool cairn__word_is(struct word word, const char *string)
{
    return cairn__word_equal(word, cairn__word(string));
}

bool cairn__word_begins(struct word word, const char *string)
{
    struct word start = cairn__word(string);
    return start.length <= word.length &&
           cairn__word_equal((struct word){word.data, start.length}, start);
}

size_t cairn__word_find(struct word word, char byte)
{
    size_t at = 0;
    while (at < word.length && word.data[at] != byte)
        at++;
    return at;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * Row i of the table holds the distances of a's first i letters from all beginnings of b; it needs
 * the two rows before it.
 */
unsigned cairn__word_distance(struct word a, struct word b)
{
    if (a.length > NEAR_MAX || b.length > NEAR_MAX)
        return NEAR_MAX;
    unsigned rows[3][NEAR_MAX + 1];
    for (unsigned j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        char letter = lower(a.data[i - 1]);
        row[0] = i;
        for (unsigned j = 1; j <= b.length; j++) {
            char other = lower(b.data[j - 1]);
            row[j] = smaller(smaller(row[j - 1], above[j]) + 1, above[j - 1] + (letter != other));
            bool swapped = i > 1 && j > 1 && letter == lower(b.data[j - 2]) &&
                           lower(a.data[i - 2]) == other;
            if (swapped)
                row[j] = smaller(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a.length % 3][b.length];
}
