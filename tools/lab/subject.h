/* SPDX-License-Identifier: MIT */
/*
 * What is experimented on: one of the kit's allocators, or a stack of them, over memory of the
 * experiment's own. `fit`, `buddy` and `bump` get a buffer; the others take what they need from a
 * source that has no more than so many bytes. `heap` and `system` take theirs from the system, and
 * nothing bounds them.
 *
 * What can be known differs. A kind with a visit tells of its free blocks; of the others only the
 * blocks in use are known. What is not known is said to be so, never made up.
 */
#ifndef CAIRN_TOOLS_LAB_SUBJECT_H
#define CAIRN_TOOLS_LAB_SUBJECT_H

#include "cairn.h"
#include "cairn/arena.h"
#include "cairn/buddy.h"
#include "cairn/bump.h"
#include "cairn/fit.h"
#include "cairn/heap.h"
#include "cairn/pool.h"
#include "cairn/slab.h"
#include "cairn/slab_set.h"
#include "cairn/stack.h"
#include "cairn/system.h"
#include "lab/span.h"

enum subject_kind {
    SUBJECT_FIT,
    SUBJECT_BUDDY,
    SUBJECT_SLAB_SET,
    SUBJECT_HEAP,
    SUBJECT_ARENA,
    SUBJECT_BUMP,
    SUBJECT_POOL, /* blocks as large as the largest that is asked for */
    SUBJECT_SLAB, /* likewise */
    SUBJECT_SYSTEM,
    SUBJECT_STACK,
    SUBJECT_KINDS
};

struct subject_choice {
    enum subject_kind kind;
    enum cairn_fit_strategy strategy;
    enum cairn_fit_coalescing coalescing;
    const char *text; /* of a stack */
};

/* Not to be moved while it is open. */
struct subject {
    struct subject_choice choice;
    char name[48]; /* "fit:best,immediate" */
    size_t region; /* bytes; 0: it may grow */
    cairn_layout largest;
    struct span span;
    cairn_allocator allocator;
    union {
        cairn_fit fit;
        cairn_buddy buddy;
        cairn_slab_set *slab_set;
        cairn_heap *heap;
        cairn_arena arena;
        cairn_bump bump;
        cairn_pool pool;
        cairn_slab *slab;
        cairn_stack *stack;
    } as;
};

extern const char *const subject_strategies[];  /* in the order of their enum, then NULL */
extern const char *const subject_coalescings[]; /* likewise */
extern const char *const subject_kinds[];       /* likewise, but for stacks */

/* The name of what was chosen, as it is written in tables. */
void subject_name(const struct subject_choice *choice, char *name, size_t size);

/* False after a message: the region is too small, the stack's text is wrong, no memory. */
bool subject_open(struct subject *subject, const struct subject_choice *choice, size_t region,
                  cairn_layout largest);
void subject_close(struct subject *subject);

/* The same again from the start, at the same addresses. */
bool subject_restart(struct subject *subject);

/* Whether there is a region, beginning at span.start, in which all blocks lie. */
bool subject_has_region(const struct subject *subject);

/* Whether the visit tells of what is free. If not, it visits nothing. */
bool subject_sees_free(const struct subject *subject);
void subject_visit(const struct subject *subject, cairn_visitor *visitor, void *context);

/* NULL: sound, or it cannot tell. */
const char *subject_audit(const struct subject *subject);

/* Bytes held: the region, or what was taken from the source. SIZE_MAX: not known. */
size_t subject_held(const struct subject *subject);

/* Bytes that a block of it has room for. */
size_t subject_granted(const struct subject *subject, const void *ptr, cairn_layout layout);

/* Whether a request can fail for want of memory. */
bool subject_is_bounded(const struct subject *subject);

/* Whether all of its state lies in the span and in the struct, so that it can be kept and put back
 * (saved.h). */
bool subject_can_be_saved(const struct subject *subject);

#endif
