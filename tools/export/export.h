/* SPDX-License-Identifier: MIT */
/*
 * A profile for the viewers of others. What counts as in use is what was live when the whole was at
 * its peak, unless the format has a place for the end, too. Stacks are named by function, file and
 * line as far as they are known.
 */
#ifndef CAIRN_TOOLS_EXPORT_EXPORT_H
#define CAIRN_TOOLS_EXPORT_EXPORT_H

#include <stdio.h>

#include "profile/profile.h"
#include "profile/symbols.h"

struct export_format {
    const char *name;    /* "folded:peak" and the like: a name and what is counted */
    const char *summary; /* for --help */
};

extern const struct export_format export_formats[]; /* ended by a NULL name */

/* The names, ended by NULL. */
const char *const *export_names(void);

/* 0, or EXIT_OWN_ERROR after a message (there is no such format). Errors of `to` show in ferror. */
int export_write(const char *format, struct profile *profile, struct symbols *symbols, FILE *to);

#endif
