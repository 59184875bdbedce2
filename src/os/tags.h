/* SPDX-License-Identifier: MIT */
/*
 * Memory tags of the processor (Arm MTE): each 16 bytes of memory have a tag of four bits, a pointer
 * has one in its bits 56 to 59, and an access where the two differ is stopped. Here are the
 * instructions, and what the system has to be asked for. In the hardened build for aarch64 only: in
 * all others there is no tag, which the compiler knows. The instructions are in tags.c, whatever
 * processor it is compiled for, and are run where tags_on() says so.
 */
#ifndef CAIRN_OS_TAGS_H
#define CAIRN_OS_TAGS_H

#include "base/config.h"

#if defined(CAIRN_HARDENED) && CAIRN_HARDENED && defined(__aarch64__) && defined(__linux__)
#define TAGS_BUILT 1
#else
#define TAGS_BUILT 0
#endif

enum { TAG_SHIFT = 56, TAG_BYTES = 16 };

/* The bits of a pointer that hold its tag; 0: there are no tags. Written at the start alone. */
extern HIDDEN uint64_t cairn__tag_bits;

static inline bool tags_on(void)
{
    return TAGS_BUILT && cairn__tag_bits != 0;
}

/* ---- pointers ---- */

/* 0: it has none. */
static inline unsigned tag_of(const void *ptr)
{
    return TAGS_BUILT ? (unsigned)(((uintptr_t)ptr & cairn__tag_bits) >> TAG_SHIFT) : 0;
}

/* The address alone, for all arithmetic. */
static inline void *tag_strip(const void *ptr)
{
    return TAGS_BUILT ? (void *)((uintptr_t)ptr & ~cairn__tag_bits) : (void *)(uintptr_t)ptr;
}

/* ptr: without a tag. */
static inline void *tag_put(const void *ptr, unsigned tag)
{
    return TAGS_BUILT ? (void *)((uintptr_t)ptr | (uintptr_t)tag << TAG_SHIFT)
                      : (void *)(uintptr_t)ptr;
}

#if TAGS_BUILT

/* ---- memory: where tags_on() alone ---- */

/* A random tag that is not among those whose bits are set in `excluded`. */
unsigned cairn__tag_random(uint64_t excluded);

/* Gives `size` bytes, a multiple of 16, the tag; what they hold stays. ptr: without a tag. */
void cairn__tag_set(void *ptr, size_t size, unsigned tag);

/* Makes them zeros without a tag. */
void cairn__tag_wipe(void *ptr, size_t size);

void cairn__tag_checks(bool on);

/* ---- the system ---- */

/*
 * From now on the calling thread, and those that it starts, are checked, and stopped at the access
 * itself. False, and nothing has changed: the processor or the system has no tags.
 */
bool cairn__tags_start(void);

/* cairn__os_commit (os.h) of memory that has tags, all 0 at first. */
bool cairn__tags_commit(void *ptr, size_t size);

#else

static inline unsigned cairn__tag_random(uint64_t excluded)
{
    (void)excluded;
    return 0;
}

static inline void cairn__tag_set(void *ptr, size_t size, unsigned tag)
{
    (void)ptr, (void)size, (void)tag;
}

static inline void cairn__tag_wipe(void *ptr, size_t size)
{
    (void)ptr, (void)size;
}

static inline void cairn__tag_checks(bool on)
{
    (void)on;
}

static inline bool cairn__tags_start(void)
{
    return false;
}

static inline bool cairn__tags_commit(void *ptr, size_t size)
{
    (void)ptr, (void)size;
    return false;
}

#endif

/*
 * Between these two the calling thread's accesses are not checked: for looks at blocks that others may
 * free meanwhile, whose tag may change between any two instructions. They do not nest. A signal's
 * handler is checked all the same.
 */
static inline void tags_pause(void)
{
    if (tags_on())
        cairn__tag_checks(false);
}

static inline void tags_resume(void)
{
    if (tags_on())
        cairn__tag_checks(true);
}

#endif
