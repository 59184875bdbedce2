/* SPDX-License-Identifier: MIT */
/*
 * The allocator that the program would have without us: the next definition of each name in the
 * loader's order, the C library's as a rule, or that of a library preloaded after ours.
 */
#ifndef CAIRN_RECORD_INNER_H
#define CAIRN_RECORD_INNER_H

#include "base/config.h"

struct inner {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *ptr, size_t size);
    void (*free)(void *ptr);
    void *(*memalign)(size_t align, size_t size);
    void *(*aligned_alloc)(size_t align, size_t size);
    int (*posix_memalign)(void **block, size_t align, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
};

/* Usable from the first instruction on: it looks for the functions when one is first called. */
extern struct inner cairn__inner HIDDEN;

/* Blocks that were needed while the functions were looked for; they are never given back. */
bool cairn__inner_is_early(const void *ptr);
size_t cairn__inner_early_size(const void *ptr);

#endif
