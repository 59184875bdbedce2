/* SPDX-License-Identifier: MIT */
/*
 * Copies a trace, or a part of it, to another file, in whatever form. What was live where the part
 * begins becomes allocations at its front (with their numbers, at the time at which it begins), so
 * that it can be replayed. A part defines only what it refers to; a whole copy defines everything.
 */
#ifndef CAIRN_TOOLS_TRACE_COPY_H
#define CAIRN_TOOLS_TRACE_COPY_H

#include <stdbool.h>

#include "trace/reader.h"
#include "trace/writer.h"

struct copy_choice {
    uint64_t from, to;           /* numbers of events, both within; 0 and UINT64_MAX: all */
    uint64_t from_time, to_time; /* nanoseconds, to_time without; 0 and UINT64_MAX: all */
    bool one_process;            /* of `process` alone */
    bool anonymise;              /* names and paths replaced, addresses and ids renumbered */
    uint32_t process;
    enum trace_form form;
};

struct copy_result {
    uint64_t kept, carried; /* events; blocks that were live where the part begins */
};

bool copy_is_part(const struct copy_choice *choice);

/* Reads the reader to its end. False, after a message, if not all could be written. */
bool copy_trace(struct trace_reader *reader, const struct copy_choice *choice, FILE *to,
                struct copy_result *result);

#endif
