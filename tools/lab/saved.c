/* SPDX-License-Identifier: MIT */
/* Keeping an allocator's state: see saved.h. */
#define _GNU_SOURCE
#include "lab/saved.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

/*
 * In a build with AddressSanitizer allocators hide their free memory and their notes from it. All of
 * it is copied, by a function that is not checked (memcpy would be, wherever it is called from). Once
 * it is put back, nothing is hidden, as what was is not known any more, until the allocator does so
 * anew.
 */
#if defined(__SANITIZE_ADDRESS__)
#define IS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_CHECKED 1
#endif
#endif

#ifdef IS_CHECKED
void __asan_unpoison_memory_region(const volatile void *ptr, size_t size);

__attribute__((no_sanitize("address"))) static void copy_hidden(char *to, const char *from,
                                                                size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = ((const volatile char *)from)[i]; /* volatile: not to be turned into a memcpy */
}

static void show(void *ptr, size_t size)
{
    __asan_unpoison_memory_region(ptr, size);
}
#else
static void copy_hidden(char *to, const char *from, size_t size)
{
    memcpy(to, from, size);
}

static void show(void *ptr, size_t size)
{
    (void)ptr, (void)size;
}
#endif

void saved_keep(struct saved *saved, const struct subject *subject)
{
    size_t count = subject->span.count;

    saved->bytes = memory_resize(saved->bytes, subject->span.high + 1, 1);
    saved->size = subject->span.high;
    copy_hidden(saved->bytes, subject->span.start, saved->size);
    saved->pieces = memory_resize(saved->pieces, count + 1, sizeof *saved->pieces);
    if (count > 0)
        memcpy(saved->pieces, subject->span.pieces, count * sizeof *saved->pieces);
    saved->subject = *subject;
}

void saved_put_back(const struct saved *saved, struct subject *subject)
{
    struct span_piece *pieces = subject->span.pieces; /* has room: it only grows */
    size_t room = subject->span.room;

    *subject = saved->subject;
    subject->span.pieces = pieces;
    subject->span.room = room;
    if (subject->span.count > 0)
        memcpy(pieces, saved->pieces, subject->span.count * sizeof *pieces);
    show(subject->span.start, saved->size);
    memcpy(subject->span.start, saved->bytes, saved->size);
}

void saved_fini(struct saved *saved)
{
    free(saved->bytes);
    free(saved->pieces);
    *saved = (struct saved){.bytes = NULL};
}
