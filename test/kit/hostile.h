/* SPDX-License-Identifier: MIT */
/*
 * A source for tests: it fails when told to, remembers each block with its layout, and ends the
 * process if one comes back otherwise than it went, or if two threads call it at a time.
 */
#ifndef TEST_KIT_HOSTILE_H
#define TEST_KIT_HOSTILE_H

#include <stdatomic.h>

#include "unit/unit.h"

#include "cairn/allocator.h"

enum { HOSTILE_BLOCKS = 4096 };

struct hostile {
    size_t calls;              /* to alloc */
    size_t fail_at, fail_each; /* this call; each call whose number is a multiple; 0: none */
    bool fails;                /* all of them */
    cairn_allocator below;     /* where blocks are from; {NULL, NULL}: the C library */
    size_t live;
    size_t bytes;
    atomic_flag busy;
    struct {
        void *ptr;
        cairn_layout layout;
    } blocks[HOSTILE_BLOCKS];
};

/* A byte more than asked for, to see whether it stays as it is. */
static inline cairn_layout hostile_layout(cairn_layout layout)
{
    return (cairn_layout){layout.size + 1, layout.align > 16 ? layout.align : 16};
}

static inline void *hostile_take(struct hostile *source, cairn_layout layout)
{
    void *ptr = NULL;
    if (source->below.ops != NULL)
        return cairn_allocator_alloc(source->below, layout);
    return posix_memalign(&ptr, layout.align, layout.size) == 0 ? ptr : NULL;
}

static inline void hostile_give(struct hostile *source, void *ptr, cairn_layout layout)
{
    if (source->below.ops != NULL)
        cairn_allocator_dealloc(source->below, ptr, layout);
    else
        free(ptr);
}

static inline void *hostile_alloc(void *self, cairn_layout layout)
{
    struct hostile *source = self;
    void *ptr = NULL;
    REQUIRE(!atomic_flag_test_and_set_explicit(&source->busy, memory_order_relaxed));
    REQUIRE(cairn_layout_is_valid(layout));
    source->calls++;
    if (!source->fails && source->calls != source->fail_at &&
        (source->fail_each == 0 || source->calls % source->fail_each != 0) &&
        (ptr = hostile_take(source, hostile_layout(layout))) != NULL) {
        size_t at = 0;
        while (source->blocks[at].ptr != NULL)
            REQUIRE(++at < HOSTILE_BLOCKS);
        source->blocks[at].ptr = ptr;
        source->blocks[at].layout = layout;
        source->live++;
        source->bytes += layout.size;
        memset(ptr, 0xa5, layout.size + 1);
    }
    atomic_flag_clear_explicit(&source->busy, memory_order_relaxed);
    return ptr;
}

static inline void hostile_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct hostile *source = self;
    size_t at = 0;
    REQUIRE(!atomic_flag_test_and_set_explicit(&source->busy, memory_order_relaxed));
    while (source->blocks[at].ptr != ptr)
        REQUIRE(++at < HOSTILE_BLOCKS);
    REQUIRE(cairn_layout_is_equal(source->blocks[at].layout, layout));
    REQUIRE(((unsigned char *)ptr)[layout.size] == 0xa5);
    source->blocks[at].ptr = NULL;
    source->live--;
    source->bytes -= layout.size;
    memset(ptr, 0x5a, layout.size); /* what tools were told of it is undone, or this is found */
    hostile_give(source, ptr, hostile_layout(layout));
    atomic_flag_clear_explicit(&source->busy, memory_order_relaxed);
}

/* All zero is a source that gives. */
static inline cairn_allocator hostile_allocator(struct hostile *source)
{
    static const cairn_allocator_ops ops = {
        .name = "hostile", .alloc = hostile_alloc, .dealloc = hostile_dealloc};
    return (cairn_allocator){&ops, source};
}

#endif
