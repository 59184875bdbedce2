/* SPDX-License-Identifier: MIT */
/*
 * Threads come and go: a thread's first slow call gets it a heap, its end gives the heap back and
 * hands on its pages, but for a few that wait with the heap for the next thread. Also the two moments
 * that concern all threads at once: process start and fork.
 */
#ifndef CAIRN_CORE_THREAD_H
#define CAIRN_CORE_THREAD_H

#include "core/heap.h"

/* The thread's heap, made if need be; NULL if it cannot have one. */
struct heap *cairn__thread_heap(void);

/* The calling thread's heap gives up all that it does not use. */
void cairn__thread_trim(void);

/* Does what must be done once, before the first block. Any thread, any number of times. */
void cairn__process_start(void);

#endif
