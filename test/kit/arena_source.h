/* SPDX-License-Identifier: MIT */
/*
 * A source for the tests of arenas: it counts, refuses on request, and takes back only what it gave,
 * with the same layout.
 */
#ifndef TEST_KIT_ARENA_SOURCE_H
#define TEST_KIT_ARENA_SOURCE_H

#include "unit/unit.h"

#include "cairn/system.h"

enum { SOURCE_BLOCKS = 4096 };

struct arena_source {
    size_t calls;   /* alloc and realloc so far */
    size_t given;   /* dealloc so far */
    size_t fail_at; /* the call that is refused, 1 the first; 0: none */
    bool fail_on;   /* and all that come after it */
    size_t max;     /* larger blocks are refused; 0: none */
    size_t live, bytes;
    struct {
        void *ptr;
        cairn_layout layout;
    } blocks[SOURCE_BLOCKS];
};

static bool source_refuses(struct arena_source *source)
{
    source->calls++;
    return source->fail_at != 0 && (source->calls == source->fail_at ||
                                    (source->fail_on && source->calls > source->fail_at));
}

static void source_note(struct arena_source *source, void *ptr, cairn_layout layout)
{
    REQUIRE(source->live < SOURCE_BLOCKS);
    source->blocks[source->live].ptr = ptr;
    source->blocks[source->live++].layout = layout;
    source->bytes += layout.size;
}

static void source_forget(struct arena_source *source, const void *ptr, cairn_layout layout)
{
    size_t i = source->live;
    while (i > 0 && source->blocks[i - 1].ptr != ptr)
        i--;
    REQUIRE(i > 0);
    REQUIRE(cairn_layout_is_equal(source->blocks[i - 1].layout, layout));
    source->blocks[i - 1] = source->blocks[--source->live];
    source->bytes -= layout.size;
}

static void *source_alloc(void *self, cairn_layout layout)
{
    const struct arena_source *source = self;
    if (source_refuses(self) || (source->max != 0 && layout.size > source->max))
        return NULL;
    void *ptr = cairn_allocator_alloc(cairn_system(), layout);
    if (ptr != NULL)
        source_note(self, ptr, layout);
    return ptr;
}

static void source_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct arena_source *source = self;
    source->given++;
    source_forget(source, ptr, layout);
    cairn_allocator_dealloc(cairn_system(), ptr, layout);
}

/* It always moves. */
static void *source_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    void *moved = source_alloc(self, cairn__layout(new_size, layout.align));
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, layout.size < new_size ? layout.size : new_size);
    source_forget(self, ptr, layout);
    cairn_allocator_dealloc(cairn_system(), ptr, layout);
    return moved;
}

static cairn_allocator source_of(struct arena_source *source)
{
    static const cairn_allocator_ops ops = {
        .name = "source",
        .alloc = source_alloc,
        .dealloc = source_dealloc,
        .realloc = source_realloc,
    };
    return (cairn_allocator){&ops, source};
}

#endif
