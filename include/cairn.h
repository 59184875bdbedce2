/* SPDX-License-Identifier: MIT */
/*
 * Cairn: a memory allocator.
 *
 * These functions are in both libraries: in libcairn, which leaves the program's malloc alone, and
 * in libcairn-malloc, which also is the program's malloc. Where both are loaded, all memory is that
 * of one of them, and its blocks may be freed by cairn_free or by free.
 *
 * Sizes are bytes. A block is aligned to 16 bytes, or as asked for. Every function may be called by
 * any thread at any time, and a block may be freed by any thread. Out of memory, or a size above
 * PTRDIFF_MAX: NULL, with errno ENOMEM, and everything allocated before stays as it was. No
 * function aborts, none takes longer as more blocks are live, unless said otherwise.
 */
#ifndef CAIRN_H
#define CAIRN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cairn/heap.h"
#include "cairn/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header; cairn_version() tells that of the library. */
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

/* ---- the library ---- */

/* "0.1.0"; of the library that is loaded, not of this header. */
const char *cairn_version(void);

/*
 * True if the program's malloc is Cairn's: libcairn-malloc is preloaded or linked, and no other
 * library came before it.
 */
bool cairn_is_active(void);

/*
 * Options for this program, "key:value,key:value", such as "purge_delay:10s,stats:exit". Not in the
 * library: a program that wants some defines it, with an initial value, for it is read at the first
 * allocation. The environment goes before it: CAIRN_PURGE_DELAY and so on, then CAIRN_CONF
 * (docs/options.md). A shared library of ours sees it if the program was linked with that library,
 * or else (it is preloaded, say) with -rdynamic.
 */
extern const char *cairn_conf;

/* ---- blocks ---- */

/* A block of `size` bytes; of 0: a block of its own, to be freed like any other. */
void *cairn_malloc(size_t size) CAIRN_ALLOCATES(1);

/* A zeroed block of count * size bytes. A product that overflows is out of memory. O(size). */
void *cairn_calloc(size_t count, size_t size) CAIRN_ALLOCATES(1, 2);

/*
 * Resizes a block, moving it if need be; contents are kept up to the smaller size. On failure the
 * old block stays. ptr NULL: cairn_malloc(size). size 0: frees ptr and returns NULL. The result
 * keeps no alignment above 16. O(size) when it moves; one above 32 MiB is remapped, not copied.
 */
void *cairn_realloc(void *ptr, size_t size) CAIRN_REALLOCATES(2);

/* cairn_realloc(ptr, count * size). A product that overflows is out of memory: the block stays. */
void *cairn_reallocarray(void *ptr, size_t count, size_t size) CAIRN_REALLOCATES(2, 3);

/* A block aligned to `align`, a power of two of any size; else NULL with errno EINVAL. */
void *cairn_aligned_alloc(size_t align, size_t size) CAIRN_ALLOCATES(2);

/*
 * Frees a block. NULL does nothing. What is no block is ignored and counted. A pointer to memory
 * that was freed as a whole, or into the middle of a block of 128 KiB to 32 MiB, is also reported
 * on stderr (the first eight); any other, one into or to what was a larger block included, with
 * CAIRN_VERBOSE=1. A block of up to 128 KiB that is freed twice, or by a pointer into its middle,
 * is not noticed, and damages the heap. errno stays.
 */
void cairn_free(void *ptr);

/* cairn_free(ptr), by a caller who knows the size that was asked for. It is not checked today. */
void cairn_free_sized(void *ptr, size_t size);

/* ---- many blocks at a time ---- */

/*
 * Fills blocks[0 .. n) with blocks of `size` bytes each, to be freed like any others, and returns
 * n: `count`, or less when out of memory, with errno ENOMEM. What lies beyond n stays. O(count).
 */
size_t cairn_alloc_batch(size_t size, void **blocks, size_t count);

/* Frees blocks[0 .. count), each as cairn_free would. The array stays as it is. O(count). */
void cairn_free_batch(void **blocks, size_t count);

/* ---- questions ---- */

/*
 * Bytes that the block holds: at least what was asked for, all of them the caller's to use, the
 * same number until it is freed or resized. 0 for NULL.
 */
size_t cairn_usable_size(const void *ptr);

/*
 * What a block of `size` bytes holds: a container that grows to it wastes nothing. (A block above
 * 128 KiB may turn out to hold up to a quarter more: see cairn_usable_size.) A size that no block
 * can have comes back as it is, so that to ask for it fails. In the hardened library a block holds
 * what was asked for and nothing more.
 */
size_t cairn_good_size(size_t size);

/*
 * True if a block of Cairn's begins at ptr, whoever allocated it. False for NULL, for the middle of
 * a block, for memory of others. Of a block that was freed the answer is either.
 */
bool cairn_owns(const void *ptr);

/* ---- memory and the system ---- */

/* Returns all free memory to the system at once. True if there was any. O(chunks of 2 MiB). */
bool cairn_purge(void);

/*
 * Makes at least `size` bytes of memory ready, so that allocating them later, in blocks up to 16
 * MiB, asks nothing of the system and causes hardly a page fault; free memory that was touched
 * before counts. From then on so much free memory is not given back, until the next call of this
 * function, with 0 or another size, or of cairn_purge. False, with errno ENOMEM: there is less, and
 * nothing has changed; with ENOTSUP: this is the hardened library, in which free memory is out of
 * reach, and so out of memory. (A system that promises more memory than it has may end the process instead,
 * as whenever memory is used.) O(size).
 */
bool cairn_reserve(size_t size);

#ifdef __cplusplus
}
#endif

#endif
