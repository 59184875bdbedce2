/* SPDX-License-Identifier: MIT */
/*
 * Figures and commands as people read them: three significant digits, binary units (KiB, MiB),
 * thousands set apart by a space, arguments quoted so that a shell would take them back.
 * Signs beyond ASCII are used only where the locale's character set is UTF-8.
 */
#ifndef CAIRN_TOOLS_TEXT_H
#define CAIRN_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_SHORT = 64 };

struct text_signs {
    const char *times, *plus_minus, *ellipsis, *microseconds;
};

const struct text_signs *text_signs(void);

/* These fill `out` and return it. */
char *text_bytes(char out[TEXT_SHORT], double bytes);
char *text_seconds(char out[TEXT_SHORT], double seconds);
char *text_count(char out[TEXT_SHORT], double count);
char *text_signal(char out[TEXT_SHORT], int signal);

/* Columns that `text` takes on a terminal (one a character). */
size_t text_width(const char *text);

/* One argument, quoted for the shell if it needs it; control characters become visible. */
char *text_quoted(const char *argument);

/*
 * A command line, quoted; words beyond `columns` become one ellipsis (0: all are shown; the first
 * always is). The caller frees it.
 */
char *text_command(char *const *argv, size_t columns);

/* Control characters but newline and tab become question marks, so that a terminal does not take them
 * for orders. Whether there were any. */
bool text_make_plain(char *text);

/* These too: it becomes one line. */
void text_make_line(char *text);

/* The last part of a path. */
const char *text_basename(const char *path);

/* Valid UTF-8 with what was not replaced by U+FFFD, as JSON wants it. The caller frees it. */
char *text_utf8(const char *text);

#endif
