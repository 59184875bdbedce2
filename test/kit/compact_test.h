/* SPDX-License-Identifier: MIT */
/* What the tests of compact.h share: a source, and blocks with contents. */
#ifndef TEST_KIT_COMPACT_TEST_H
#define TEST_KIT_COMPACT_TEST_H

#include "unit/unit.h"

#include "cairn/compact.h"
#include "kit/compact_heap.h"

/* ---- a source that counts, checks layouts, and fails on request ---- */

struct source {
    size_t blocks, bytes, calls;
    size_t fail_at; /* the call that fails; 0: none */
    size_t fail_from;
};

static inline void *source_alloc(void *self, cairn_layout layout)
{
    struct source *source = self;
    source->calls++;
    if (source->calls == source->fail_at ||
        (source->fail_from != 0 && source->calls >= source->fail_from))
        return NULL;
    REQUIRE(layout.align <= 16);
    size_t *memory = malloc(layout.size + 16);
    memory[0] = layout.size;
    memory[1] = layout.align;
    memset(memory + 2, 0xa5, layout.size);
    source->blocks++;
    source->bytes += layout.size;
    return memory + 2;
}

static inline void source_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct source *source = self;
    size_t *memory = (size_t *)ptr - 2;
    REQUIRE(memory[0] == layout.size && memory[1] == layout.align);
    memset(ptr, 0x5a, layout.size);
    source->blocks--;
    source->bytes -= layout.size;
    free(memory);
}

static inline cairn_allocator allocator_of(struct source *source)
{
    static const cairn_allocator_ops ops = {
        .name = "source", .alloc = source_alloc, .dealloc = source_dealloc};
    return (cairn_allocator){&ops, source};
}

static inline void sound(const cairn_compact *heap)
{
    const char *wrong = cairn_compact_audit(heap);
    if (wrong != NULL)
        unit_fail(wrong, __FILE__, __LINE__);
}

static inline void fill(cairn_compact *heap, cairn_handle handle, uint64_t key)
{
    void *block = cairn_compact_lock(heap, handle);
    REQUIRE(block != NULL);
    unit_fill(block, cairn_compact_size(heap, handle), key);
    REQUIRE(cairn_compact_unlock(heap, handle));
}

static inline bool is_filled(cairn_compact *heap, cairn_handle handle, size_t size, uint64_t key)
{
    const void *block = cairn_compact_lock(heap, handle);
    bool same = block != NULL && unit_is_filled(block, size, key);
    REQUIRE(cairn_compact_unlock(heap, handle));
    return same;
}

static inline cairn_compact_stats stats_of(const cairn_compact *heap)
{
    cairn_compact_stats stats;
    cairn_compact_stats_get(heap, &stats);
    return stats;
}

static inline cairn_handle alloc(cairn_compact *heap, size_t size)
{
    cairn_handle handle = cairn_compact_alloc(heap, size, 1);
    REQUIRE(!cairn_handle_is_none(handle));
    return handle;
}

static char memory[64 * 1024];

static inline cairn_compact *fixed(size_t size)
{
    cairn_compact *heap = cairn_compact_create(
        &(cairn_compact_opts){.memory = memory, .memory_size = size});
    REQUIRE(heap != NULL);
    return heap;
}

/* Blocks 0..n-1 of `size`, of which those are freed for which `odd` says so. */
static inline void comb(cairn_compact *heap, cairn_handle *handles, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        handles[i] = alloc(heap, size);
        fill(heap, handles[i], i);
    }
    for (size_t i = 0; i < n; i += 2)
        REQUIRE(cairn_compact_dealloc(heap, handles[i]));
}

#endif
