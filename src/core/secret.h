/* SPDX-License-Identifier: MIT */
/*
 * The process's source of random numbers, for what heaps do not draw by themselves: keys of their
 * generators and pages' secrets. Its key comes from the system. Any thread.
 */
#ifndef CAIRN_CORE_SECRET_H
#define CAIRN_CORE_SECRET_H

#include "base/random.h"

uint64_t cairn__secret(void);

/* Starts a generator with a key of its own. */
void cairn__secret_start(struct random *random);

void cairn__secret_before_fork(void);
/* A child draws other numbers than its parent. */
void cairn__secret_after_fork(bool child);

#endif
