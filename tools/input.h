/* SPDX-License-Identifier: MIT */
/*
 * Standard input for a program that is run many times: each run reads it from the same place on. A
 * file is rewound; a pipe is read to its end first, into a temporary file; a terminal is not given
 * (/dev/null is).
 */
#ifndef CAIRN_TOOLS_INPUT_H
#define CAIRN_TOOLS_INPUT_H

#include <stdbool.h>
#include <sys/types.h>

struct input {
    int fd;
    off_t start; /* where it stood when the command was started */
    bool is_file;
};

/* False after a message. May wait for the other end of a pipe. */
bool input_open(struct input *input);

/* Back to the start, before each run. */
bool input_rewind(struct input *input);

void input_close(struct input *input);

#endif
