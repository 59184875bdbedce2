/* SPDX-License-Identifier: MIT */
/* An allocation, to be recorded: see lane.h for how. */
#ifndef CAIRN_RECORD_RECORD_H
#define CAIRN_RECORD_RECORD_H

#include "record/channel.h"

/* With the stack of its caller unless it is a FREE. Nothing happens where there is no recorder. */
void cairn__record(struct event event);

/* The same for the most frequent. */
void cairn__record_free(void *ptr);

#endif
