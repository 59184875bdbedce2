/* SPDX-License-Identifier: MIT */
/*
 * What a profile says, to people: as a document that `cairn report` draws (schema "cairn.profile"),
 * and as text for a terminal; and the same for what changed from one profile to another (schema
 * "cairn.diff"). docs/profile.md defines each figure.
 *
 * Stacks are merged by the names of their functions. The first profile of a difference is the one
 * before, figures are those after less those before.
 */
#ifndef CAIRN_TOOLS_PROFILE_DOCUMENT_H
#define CAIRN_TOOLS_PROFILE_DOCUMENT_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"
#include "profile/profile.h"
#include "profile/symbols.h"

/* A profile, and the names of its functions. */
struct profile_named {
    const struct profile *profile;
    struct symbols *symbols;
};

/* `command`: the words of `cairn`'s own invocation, NULL at the end; may be NULL. */
json_t *profile_document(const struct profile *profile, struct symbols *symbols,
                         char *const *command);
json_t *profile_difference(struct profile_named before, struct profile_named after,
                           char *const *command);

/* Lines of at most `columns`, if names can be cut short enough for that. */
void profile_print(const struct profile *profile, struct symbols *symbols, FILE *to, size_t columns,
                   bool color);
void profile_difference_print(struct profile_named before, struct profile_named after, FILE *to,
                              size_t columns, bool color);

#endif
