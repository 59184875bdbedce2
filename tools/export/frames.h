/* SPDX-License-Identifier: MIT */
/*
 * The frames of stacks, each once by number: what the exports share. A call into which others were
 * inlined is several frames. `what` of a profile is one of its sums.
 */
#ifndef CAIRN_TOOLS_EXPORT_FRAMES_H
#define CAIRN_TOOLS_EXPORT_FRAMES_H

#include <stdio.h>

#include "profile/names.h"
#include "profile/profile.h"
#include "profile/symbols.h"

struct frame {
    const char *function, *file; /* file NULL: not known */
    unsigned line;
};

struct frames {
    const struct trace_reader *reader;
    struct symbols *symbols;
    struct names names;   /* of what tells frames apart: numbers are those of the frames */
    struct frame *frames; /* by number; 0 is "[unknown]" */
    size_t room;
    uint32_t *nodes; /* by node: where in `calls` its frames are + 1; 0: not asked for yet */
    uint32_t *calls; /* for each node: how many, and their numbers, innermost first */
    size_t call_count, call_room;
    uint32_t *stack; /* of frames_of */
    size_t stack_room;
};

void frames_init(struct frames *frames, const struct profile *profile, struct symbols *symbols);
void frames_fini(struct frames *frames);

/* The frames of a stack, innermost first: how many (1 or more) are in frames->stack. */
size_t frames_of(struct frames *frames, uint32_t node);

/* The frames of that node alone. */
const uint32_t *frames_of_node(struct frames *frames, uint32_t node, size_t *count);

/*
 * An address for what has none: modules lie apart in an address space of our own, none at its
 * beginning, so that an address tells its module.
 */
uint64_t frames_address(uint32_t module, uint64_t offset);

/* "function (file:line)" */
const char *frames_label(const struct frames *frames, uint32_t frame);

/* A JSON string, in quotes. */
void export_json_text(FILE *to, const char *text);

/* The recorded command: of the recording, else of its first process, else "program". */
const char *export_command(const struct profile *profile);

#endif
