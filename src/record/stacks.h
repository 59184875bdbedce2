/* SPDX-License-Identifier: MIT */
/* Call stacks by number: each is sent once, when it is first seen. */
#ifndef CAIRN_RECORD_STACKS_H
#define CAIRN_RECORD_STACKS_H

#include "base/config.h"

/*
 * The number of the stack of calls under way, without those of this library; 0 if it is not known.
 * The channel is ready. RING_STACK_NEXT: there are too many to number, and this one was sent for the
 * thread's next event.
 */
uint32_t cairn__stacks_number(unsigned depth);

#endif
