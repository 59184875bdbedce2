/* SPDX-License-Identifier: MIT */
/* Pools: growing, checked, of large aligned blocks, over a region. */
#include "cairn/pool.h"

#include "contract/contract.h"

struct pooling {
    cairn_pool pool;
    cairn_allocator source;
    void *region; /* NULL: it grows */
};

enum { REGION_SIZE = 64 * 256 };

static const cairn_layout REGION = {REGION_SIZE, 64};

static void *make(cairn_allocator source, cairn_layout block, cairn_pool_opts opts, bool is_fixed)
{
    struct pooling *made = cairn_allocator_alloc(source, cairn_layout_of(struct pooling));
    if (made == NULL)
        return NULL;
    opts.source = source;
    made->source = source;
    made->region = is_fixed ? cairn_allocator_alloc(source, REGION) : NULL;
    if (is_fixed ? made->region != NULL &&
                       cairn_pool_init_fixed(&made->pool, block, made->region, REGION_SIZE, &opts)
                 : cairn_pool_init(&made->pool, block, &opts))
        return made;
    cairn_allocator_dealloc(source, made->region, REGION);
    cairn_allocator_dealloc(source, made, cairn_layout_of(struct pooling));
    return NULL;
}

static void *make_growing(cairn_allocator source)
{
    return make(source, (cairn_layout){256, 16}, (cairn_pool_opts){0}, false);
}

static void *make_checked(cairn_allocator source)
{
    cairn_pool_opts opts = {.checked = true, .first_chunk_size = 600, .max_chunk_size = 2000};
    return make(source, (cairn_layout){100, 8}, opts, false);
}

static void *make_small(cairn_allocator source)
{
    return make(source, (cairn_layout){1, 1}, (cairn_pool_opts){.first_chunk_size = 1}, false);
}

static void *make_aligned(cairn_allocator source)
{
    return make(source, (cairn_layout){5000, 4096}, (cairn_pool_opts){0}, false);
}

static void *make_fixed(cairn_allocator source)
{
    return make(source, (cairn_layout){256, 64}, (cairn_pool_opts){0}, true);
}

static void *make_fixed_checked(cairn_allocator source)
{
    return make(source, (cairn_layout){250, 2}, (cairn_pool_opts){.checked = true}, true);
}

static cairn_allocator allocator(void *state)
{
    return cairn_pool_allocator(&((struct pooling *)state)->pool);
}

static void reset(void *state)
{
    cairn_pool_reset(&((struct pooling *)state)->pool);
}

static const char *audit(void *state)
{
    return cairn_pool_audit(&((struct pooling *)state)->pool);
}

static bool visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_pool_visit(&((struct pooling *)state)->pool, visitor, context);
}

static void end(void *state)
{
    struct pooling *ended = state;
    cairn_pool_fini(&ended->pool);
    cairn_allocator_dealloc(ended->source, ended->region, REGION);
    cairn_allocator_dealloc(ended->source, ended, cairn_layout_of(struct pooling));
}

#define POOL_ROW(id, text, size, align, bytes)                                                     \
    CONTRACT_KIND(id, .name = text, .max_size = size, .max_align = align, .capacity = bytes,       \
                  .reuses = true, .make = make_##id, .allocator = allocator, .reset = reset,       \
                  .audit = audit, .visit = visit, .end = end, .ends_with_live_blocks = true)

POOL_ROW(growing, "pool", 256, 16, 0);
POOL_ROW(checked, "pool:checked", 100, 8, 0);
POOL_ROW(small, "pool:small", 1, 1, 0);
POOL_ROW(aligned, "pool:aligned", 5000, 4096, 0);
POOL_ROW(fixed, "pool:fixed", 256, 64, 63 * 256);
POOL_ROW(fixed_checked, "pool:fixed,checked", 250, 2, 63 * 250);
