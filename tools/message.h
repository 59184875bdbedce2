/* SPDX-License-Identifier: MIT */
/*
 * How the command speaks of itself: one line on stderr that starts with `cairn: `, and exit codes
 * that do not collide with those of the program that it starts (as timeout(1) and env(1) do it).
 */
#ifndef CAIRN_TOOLS_MESSAGE_H
#define CAIRN_TOOLS_MESSAGE_H

enum {
    EXIT_DIFFERS = 1,          /* the tool worked; what it looked at is not as it should be */
    EXIT_OWN_ERROR = 125,      /* the tool could not do its work */
    EXIT_NOT_EXECUTABLE = 126, /* the program was found and cannot be started */
    EXIT_NOT_FOUND = 127,      /* there is no such program */
    EXIT_SIGNAL = 128,         /* plus the number of the signal that ended the program */
};

/* Writes `cairn: `, the text and a newline to stderr, as one write. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The candidate that `word` is most likely a misspelling of, or NULL if none is near. */
const char *message_nearest(const char *word, const char *const *candidates);

#endif
