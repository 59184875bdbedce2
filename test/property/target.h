/* SPDX-License-Identifier: MIT */
/*
 * The allocator under test, as a table: the same property test is linked with target_cairn.c (the
 * public API), target_malloc.c (plain names, for LD_PRELOAD and for linking) or broken.c (planted
 * faults, which the test must find).
 */
#ifndef TEST_PROPERTY_TARGET_H
#define TEST_PROPERTY_TARGET_H

#include <stddef.h>

struct target {
    const char *name;
    void *(*alloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *ptr, size_t size);
    void (*free)(void *ptr);
    void *(*aligned_alloc)(size_t align, size_t size);
    size_t (*usable_size)(void *ptr);
    size_t (*in_use)(void); /* bytes in blocks handed out, as far as the allocator says */
};

extern const struct target target;

#endif
