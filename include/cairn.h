/* SPDX-License-Identifier: MIT */
/*
 * Cairn: a memory allocator.
 *
 * These functions are in both libraries: in libcairn, which leaves the program's malloc alone, and in
 * libcairn-malloc, which also is the program's malloc. Where both are loaded there is one heap, and
 * its blocks may be freed by cairn_free or by free.
 *
 * Sizes are bytes. A block is aligned to 16 bytes, or as asked for. Every function may be called by
 * any thread at any time, and a block may be freed by any thread. Out of memory, or a size above
 * PTRDIFF_MAX: NULL, with errno ENOMEM, and everything allocated before stays as it was. No function
 * aborts, none takes longer as more blocks are live, unless said otherwise.
 */
#ifndef CAIRN_H
#define CAIRN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_VERSION_MAJOR 0
#define CAIRN_VERSION_MINOR 1
#define CAIRN_VERSION_PATCH 0

#if defined(__GNUC__) && !defined(CAIRN_PLAIN)
#define CAIRN_ALLOCATES(...)   __attribute__((malloc, warn_unused_result, alloc_size(__VA_ARGS__)))
#define CAIRN_REALLOCATES(...) __attribute__((warn_unused_result, alloc_size(__VA_ARGS__)))
#else
#define CAIRN_ALLOCATES(...)
#define CAIRN_REALLOCATES(...)
#endif

/* "0.1.0"; of the library that is loaded, not of this header. */
const char *cairn_version(void);

/*
 * True if the program's malloc is Cairn's: libcairn-malloc is preloaded or linked, and no other
 * library came before it.
 */
bool cairn_is_active(void);

/* A block of `size` bytes; of 0: a block of its own, to be freed like any other. */
void *cairn_malloc(size_t size) CAIRN_ALLOCATES(1);

/* A zeroed block of count * size bytes. A product that overflows is out of memory. O(size). */
void *cairn_calloc(size_t count, size_t size) CAIRN_ALLOCATES(1, 2);

/*
 * Resizes a block, moving it if need be; contents are kept up to the smaller size. On failure the old
 * block stays. ptr NULL: cairn_malloc(size). size 0: frees ptr and returns NULL. The result keeps no
 * alignment above 16. O(size) when it moves; blocks above 16 MiB are remapped, not copied.
 */
void *cairn_realloc(void *ptr, size_t size) CAIRN_REALLOCATES(2);

/* A block aligned to `align`, a power of two of any size; else NULL with errno EINVAL. */
void *cairn_aligned_alloc(size_t align, size_t size) CAIRN_ALLOCATES(2);

/*
 * Frees a block. NULL does nothing; a pointer that is no block of Cairn's, as far as that can be told
 * at no cost, is ignored and counted (CAIRN_VERBOSE=1 reports it on stderr). errno stays.
 */
void cairn_free(void *ptr);

/*
 * Bytes that the block holds: at least what was asked for, all of them the caller's to use, the same
 * number as long as the block lives. 0 for NULL.
 */
size_t cairn_usable_size(const void *ptr);

/* Returns all free memory to the system at once. True if there was any. O(chunks of 2 MiB). */
bool cairn_trim(void);

/*
 * What the allocator holds, in bytes. Added up on demand, O(memory held / 64 KiB); other threads go
 * on meanwhile, so figures may be off by what they just did.
 */
struct cairn_stats {
    size_t size;      /* of this struct, as the caller knows it: set it before the call */
    size_t reserved;  /* address space set aside; costs nothing */
    size_t mapped;    /* of that accessible, plus huge blocks */
    size_t committed; /* held from the system at most: live, plus free memory not yet returned */
    size_t peak_committed; /* the most that blocks ever occupied */
    size_t live;           /* in blocks handed out, rounded up to what they can hold */
    size_t huge;           /* part of live: blocks above 16 MiB, each with a mapping of its own */
    size_t huge_count;
    size_t metadata;      /* mapped for the allocator's own records; more than it uses */
    size_t pages;         /* runs of equal blocks, and large blocks */
    size_t heaps;         /* one for each thread that was alive at the same time */
    size_t foreign_frees; /* pointers passed to free that were no blocks of ours */
};

/* Fills in as many fields as stats->size covers. */
void cairn_stats_get(struct cairn_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
