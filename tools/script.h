/* SPDX-License-Identifier: MIT */
/* The first line of a script: who runs it, through env(1) or not. */
#ifndef CAIRN_TOOLS_SCRIPT_H
#define CAIRN_TOOLS_SCRIPT_H

#include <stdbool.h>

enum { SCRIPT_LINE = 256 }; /* what the kernel reads of it (BINPRM_BUF_SIZE) */

enum script_kind {
    SCRIPT_NONE,       /* neither */
    SCRIPT_PLAIN_TEXT, /* text without #! */
    SCRIPT_WITH_LINE,
};

struct script {
    char line[SCRIPT_LINE];        /* "#!/usr/bin/env -S python3 -u" */
    char interpreter[SCRIPT_LINE]; /* "python3": a path, or a name for PATH */
    bool clears_environment;       /* env -i, or env -u LD_PRELOAD */
};

enum script_kind script_read(const char *path, struct script *script);

#endif
