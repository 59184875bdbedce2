/* SPDX-License-Identifier: MIT */
/*
 * The program that a user names: where it is, and whether a library can be preloaded into it.
 * ld.so passes over LD_PRELOAD in silence where it cannot or must not act on it, so whoever wants
 * to be sure has to know beforehand.
 */
#ifndef CAIRN_TOOLS_PROGRAM_H
#define CAIRN_TOOLS_PROGRAM_H

#include <stdbool.h>

struct program {
    char *path;         /* what to execute */
    bool by_shell;      /* a text without #!, which execvp(3) hands to /bin/sh */
    bool brings_malloc; /* exports a malloc of its own, which goes before a preloaded one */
    int exit_code;      /* 0: can be preloaded into; 125: can only be started; 126: not even that */
    char *reason;       /* why exit_code is not 0, as the end of a sentence about the program */
};

/*
 * Looks for `name` as a shell would. Returns 0, or EXIT_NOT_FOUND or EXIT_NOT_EXECUTABLE after a
 * message. `*path` is freed by the caller.
 */
int program_find(const char *name, char **path);

/* The executable file that PATH leads to, or NULL, without a message. Freed by the caller. */
char *program_search(const char *name);

/* Judges the file at `path` (which becomes the struct's) against the library to be preloaded. */
void program_judge(struct program *program, char *path, const char *library);

void program_fini(struct program *program);

#endif
