/* SPDX-License-Identifier: MIT */
/*
 * The shared heap: one heap for all, used under its lock. It serves threads that have none of their
 * own (their destructors have run, or there is no memory for a heap), and lends the first few blocks
 * of each class to the threads of a process that has many: a page of one's own for a handful of
 * blocks costs an OS page a class and thread, and most threads of a large crowd need no more.
 */
#ifndef CAIRN_CORE_SHARED_H
#define CAIRN_CORE_SHARED_H

#include "core/heap.h"

/* At process start. */
void cairn__shared_start(void);

/* The shared heap, locked. */
struct heap *cairn__shared_acquire(void);
/* The same, for statistics: to be looked at, not used. */
const struct heap *cairn__shared_peek(void);

/* Nobody comes back for what it holds back: cairn__remote_flush it before, if it has freed. */
void cairn__shared_release(struct heap *shared);

void cairn__shared_before_fork(void);
void cairn__shared_after_fork(bool child);

#endif
