/* SPDX-License-Identifier: MIT */
/* The memory of an experiment: see span.h. */
#define _GNU_SOURCE
#include "lab/span.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "own_memory.h"

#define ALIGN_MIN ((size_t)2 << 20) /* more than any page, slab or chunk asks for */
#define ALIGN_MAX ((size_t)1 << 30)
enum { GRANULE = 16 };

static size_t round_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

bool span_open(struct span *span, size_t size)
{
    size_t align = ALIGN_MIN;

    while (align < size && align < ALIGN_MAX)
        align *= 2;
    *span = (struct span){.size = size, .limit = size};
    span->mapping_size = round_up(size, ALIGN_MIN) + align;
    span->mapping = mmap(NULL, span->mapping_size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (span->mapping == MAP_FAILED) {
        *span = (struct span){0};
        return false;
    }
    span->start = (char *)round_up((uintptr_t)span->mapping, align);
    return true;
}

void span_close(struct span *span)
{
    if (span->mapping)
        munmap(span->mapping, span->mapping_size);
    free(span->pieces);
    *span = (struct span){0};
}

void span_clear(struct span *span)
{
    size_t touched = round_up(span->high, ALIGN_MIN);

    /* Where the system does not take it back, it is cleared by hand. */
    if (touched && madvise(span->start, touched, MADV_DONTNEED) != 0)
        memset(span->start, 0, span->high);
    span->count = span->held = span->high = 0;
}

/* ---- as a source ---- */

static void insert(struct span *span, size_t index, struct span_piece piece)
{
    if (span->count == span->room) {
        span->room = span->room ? span->room * 2 : 64;
        span->pieces = memory_resize(span->pieces, span->room, sizeof *span->pieces);
    }
    memmove(span->pieces + index + 1, span->pieces + index,
            (span->count - index) * sizeof *span->pieces);
    span->pieces[index] = piece;
    span->count++;
    span->held += piece.size;
    if (piece.at + piece.size > span->high)
        span->high = piece.at + piece.size;
}

static void *span_alloc(void *self, cairn_layout layout)
{
    struct span *span = self;
    size_t size = round_up(layout.size ? layout.size : 1, GRANULE), at = 0;
    size_t align = layout.align < GRANULE ? GRANULE : layout.align;

    if (size > span->limit - span->held)
        return NULL;
    for (size_t i = 0; i <= span->count; i++) {
        size_t end = i < span->count ? span->pieces[i].at : span->size;
        at = round_up(at, align);
        if (at <= end && size <= end - at) {
            insert(span, i, (struct span_piece){at, size});
            return span->start + at;
        }
        if (i < span->count)
            at = span->pieces[i].at + span->pieces[i].size;
    }
    return NULL;
}

static size_t index_of(const struct span *span, const void *ptr)
{
    size_t at = (size_t)((const char *)ptr - span->start), low = 0, high = span->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (span->pieces[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < span->count && span->pieces[low].at == at ? low : SIZE_MAX;
}

static void span_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct span *span = self;
    size_t index = index_of(span, ptr);

    (void)layout;
    if (index == SIZE_MAX)
        return;
    span->held -= span->pieces[index].size;
    memmove(span->pieces + index, span->pieces + index + 1,
            (span->count - index - 1) * sizeof *span->pieces);
    span->count--;
}

static bool span_owns(void *self, const void *ptr)
{
    const struct span *span = self;
    return (uintptr_t)ptr - (uintptr_t)span->start < span->high;
}

cairn_allocator span_allocator(struct span *span)
{
    static const cairn_allocator_ops ops = {
        .name = "span", .alloc = span_alloc, .dealloc = span_dealloc, .owns = span_owns};

    return (cairn_allocator){&ops, span};
}
