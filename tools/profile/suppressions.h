/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are known to be never freed, and are to be left out: a file in the syntax of
 * LeakSanitizer. A line `leak:PATTERN` stands for every stack that has a call whose function, source
 * file or module the pattern matches: anywhere in the name, `*` for any text, `^` and `$` for its
 * beginning and end. Lines that begin with `#`, and empty ones, say nothing.
 */
#ifndef CAIRN_TOOLS_PROFILE_SUPPRESSIONS_H
#define CAIRN_TOOLS_PROFILE_SUPPRESSIONS_H

#include "profile/profile.h"
#include "profile/symbols.h"

struct suppressions;

/* NULL after a message. */
struct suppressions *suppressions_read(const char *path);
void suppressions_free(struct suppressions *suppressions);

/*
 * Takes what they match out of the profile's figures of what was never freed (live_blocks and
 * live_bytes of the stacks and of the whole), and adds it to its suppressed_blocks and _bytes.
 */
void suppressions_apply(const struct suppressions *suppressions, struct profile *profile,
                        struct symbols *symbols);

#endif
