/* SPDX-License-Identifier: MIT */
/* A source for tests: fails at its n-th call, or above a size; fills what it gives; and is an oracle
 * (checked.h) of what is done to it. */
#ifndef TEST_KIT_NTH_SOURCE_H
#define TEST_KIT_NTH_SOURCE_H

#include "cairn/checked.h"
#include "cairn/system.h"
#include "unit/unit.h"

struct nth_source {
    cairn_checked oracle;
    size_t calls;        /* that may fail */
    size_t fail_at;      /* the call that fails; 0: none */
    bool fail_after;     /* and all later ones */
    size_t max_size;     /* larger ones fail; 0: none */
    unsigned char *last; /* what was given last */
    size_t last_size;
};

enum { NTH_FILL = 0xEE };

static inline bool nth_fails(struct nth_source *source, size_t size)
{
    source->calls++;
    if (source->max_size != 0 && size > source->max_size)
        return true;
    return source->fail_at != 0 && (source->fail_after ? source->calls >= source->fail_at
                                                       : source->calls == source->fail_at);
}

static inline void *nth_alloc(void *self, cairn_layout layout)
{
    struct nth_source *source = self;
    if (nth_fails(source, layout.size))
        return NULL;
    source->last = cairn_allocator_alloc(cairn_checked_allocator(&source->oracle), layout);
    source->last_size = layout.size;
    if (source->last != NULL)
        memset(source->last, NTH_FILL, layout.size);
    return source->last;
}

static inline void nth_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct nth_source *source = self;
    cairn_allocator_dealloc(cairn_checked_allocator(&source->oracle), ptr, layout);
}

static inline void *nth_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    struct nth_source *source = self;
    if (nth_fails(source, new_size))
        return NULL;
    return cairn_allocator_realloc(cairn_checked_allocator(&source->oracle), ptr, layout, new_size);
}

static inline cairn_allocator nth_begin(struct nth_source *source)
{
    static const cairn_allocator_ops ops = {
        .name = "nth", .alloc = nth_alloc, .dealloc = nth_dealloc, .realloc = nth_realloc};
    memset(source, 0, sizeof *source);
    cairn_checked_init(&source->oracle, cairn_system(), NULL);
    return (cairn_allocator){&ops, source};
}

static inline size_t nth_live(const struct nth_source *source)
{
    return cairn_checked_live(&source->oracle);
}

/* Everything must have been given back. */
static inline void nth_end(struct nth_source *source)
{
    REQUIRE(cairn_checked_fini(&source->oracle) == 0);
}

#endif
