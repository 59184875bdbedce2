/* SPDX-License-Identifier: MIT */
/* The words of the text form, shared by its reader and its writer. */
#ifndef CAIRN_TOOLS_TRACE_WORDS_H
#define CAIRN_TOOLS_TRACE_WORDS_H

#include "trace/event.h"

#define TEXT_FIRST_LINE "cairn trace "

enum { TEXT_VERSION = 1, TEXT_LINE_MAX = 16 << 20 };

static const char *const text_words[TRACE_OPS] = {
    [TRACE_ALLOC] = "alloc", [TRACE_ALLOC_ZEROED] = "zeroed", [TRACE_REALLOC] = "realloc",
    [TRACE_FREE] = "free",   [TRACE_PROCESS] = "process",     [TRACE_EXEC] = "exec",
    [TRACE_EXIT] = "exit",   [TRACE_THREAD] = "thread",       [TRACE_THREAD_END] = "thread-end",
};

#endif
