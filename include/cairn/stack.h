/* SPDX-License-Identifier: MIT */
/*
 * Any thread may use a stack whose parts all say so (cairn_stack_is_thread_safe); else one at a
 * time. Stacks of allocators, written as they nest:
 *
 *   counted(fit:best,deferred)         a free list under a statistics wrapper
 *   traced:out=t.log(slab_set)         slabs for all sizes, each call logged
 *   fallback(bump:64K,heap)            a region first, then the heaps of the threads
 *   segregated:256(slab_set,system)    small blocks here, others there
 *
 *   stack   = kind [":" option {"," option}] ["(" stack {"," stack} ")"]
 *   option  = word | number | size | name "=" value          sizes: 64, 4K, 2M, 1G
 *
 * A comma belongs to the options of the kind before it, if what follows is one of them. A kind that
 * takes memory from a source has it in brackets, or takes it from `heap`. docs/choosing-an-allocator.md
 * lists kinds and options.
 *
 * The same text in the environment variable CAIRN_STACK, with libcairn-stack.so preloaded or linked,
 * makes the stack the malloc of a whole program; a program that is linked with libcairn-stack.so
 * brings its own by CAIRN_GLOBAL_STACK. There, a stack that is not thread-safe gets a lock around it,
 * `system` means the C library's own malloc, and each block has a header of 16 bytes (or its
 * alignment, if that is more) that holds its layout, since free() brings none.
 */
#ifndef CAIRN_STACK_H
#define CAIRN_STACK_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * In a C program that is linked with libcairn-stack.so, outside of any function:
 * CAIRN_GLOBAL_STACK("counted(fit:best)") makes it run on that, unless CAIRN_STACK says otherwise.
 */
#define CAIRN_GLOBAL_STACK(text) const char *cairn_stack_default = text
extern const char *cairn_stack_default;

typedef struct cairn_stack cairn_stack;

typedef struct cairn_stack_error {
    size_t at;      /* the character of the text where it is, from 0 */
    char text[160]; /* what is wrong, one line without its end: "no such allocator: fitt (...)" */
} cairn_stack_error;

/*
 * Builds a stack. memory: where its own records come from, and the source of kinds that have none in
 * brackets; {NULL, NULL}: cairn_heap_allocator(NULL). NULL: the text is wrong, or there was no
 * memory; *error (unless NULL) says what, and where. O(text) and what its parts take to begin.
 */
cairn_stack *cairn_stack_create(const char *text, cairn_allocator memory, cairn_stack_error *error);

/* Ends all its parts, from the outside in; blocks in use must not be used any more. */
void cairn_stack_destroy(cairn_stack *stack);

/* The whole of it as an allocator; it must not be used after cairn_stack_destroy. */
cairn_allocator cairn_stack_allocator(cairn_stack *stack);

/* Whether all parts may be used by any thread at once. */
bool cairn_stack_is_thread_safe(const cairn_stack *stack);

/*
 * Whether it serves all sizes and alignments, and so can be a process's malloc: one that ends in a
 * pool does not, nor one that sends a pool what it has no blocks for. segregated:64(pool:64,heap)
 * does; segregated:256(pool:64,heap) does not, nor segregated:96(pool:96,heap): 96 bytes aligned to
 * 64. segregated:256(fallback(pool:64,heap),heap) does.
 */
bool cairn_stack_is_general(const cairn_stack *stack);

/* The audits of all parts that have one: NULL, or what is wrong. */
const char *cairn_stack_audit(const cairn_stack *stack);

/* Writes out what parts hold back (traced). */
void cairn_stack_flush(cairn_stack *stack);

/* The same, and has the parts whose options ask for it (counted:report, timed:report) say on stderr
 * what they have seen. Done by cairn_stack_destroy, and at the end of a process that runs on it. */
void cairn_stack_report(cairn_stack *stack);

#ifdef __cplusplus
}
#endif

#endif
