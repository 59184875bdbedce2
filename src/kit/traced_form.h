/* SPDX-License-Identifier: MIT */
/* The two forms of a trace (cairn/traced.h): lines, and batches of packed events. Pure functions. */
#ifndef CAIRN_KIT_TRACED_FORM_H
#define CAIRN_KIT_TRACED_FORM_H

#include "cairn/traced.h"

#include "base/config.h"

/* No event takes more, in either form. */
enum { TRACED_EVENT_MAX = 256, TRACED_HEADER = 16 };

/* What differences are taken against; all 0 at the start of a batch. */
struct traced_last {
    uint64_t number, time, thread, ptr;
};

/* Writes an event at `to`, where TRACED_EVENT_MAX bytes are free. How many bytes it took. */
size_t cairn__traced_line(const cairn_traced_event *event, char *to);
size_t cairn__traced_pack(const cairn_traced_event *event, struct traced_last *last, char *to);

/* Writes the head of a batch before its events: TRACED_HEADER bytes, then `size` bytes. */
void cairn__traced_seal(char *batch, size_t size, size_t events);

#endif
