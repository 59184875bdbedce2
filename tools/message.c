/* SPDX-License-Identifier: MIT */
/*
 * One line on stderr at a time, and "did you mean": see message.h. Nearness is the
 * Damerau-Levenshtein distance (optimal string alignment), so that swapped letters count once.
 */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_WORD = 32 };

void message(const char *format, ...)
{
    char line[8192] = "cairn: ";
    const size_t start = strlen(line);
    int saved = errno;
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line + start, sizeof line - start - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t end = strlen(line);
    line[end++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, end);
    (void)written; /* nobody is left to tell */
    errno = saved;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added, dropped or swapped with their neighbour. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[LONGEST_WORD + 1][LONGEST_WORD + 1];
    size_t a_length = strlen(a), b_length = strlen(b);

    if (a_length > LONGEST_WORD || b_length > LONGEST_WORD)
        return LONGEST_WORD;
    for (size_t i = 0; i <= a_length; i++)
        rows[i][0] = i;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, rows[i - 2][j - 2] + 1);
            rows[i][j] = best;
        }
    }
    return rows[a_length][b_length];
}

const char *message_nearest(const char *word, const char *const *candidates)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* a third of the letters may be wrong, and one */

    for (; *candidates; candidates++) {
        size_t away = distance(word, *candidates);
        if (strlen(word) >= 3 && strncmp(word, *candidates, strlen(word)) == 0)
            away = 0; /* the beginning of it */
        if (away < best && away < strlen(*candidates)) {
            best = away;
            nearest = *candidates;
        }
    }
    return nearest;
}
