/* SPDX-License-Identifier: MIT */
/* See metadata.h: a bump line through mappings of its own. */
#include "core/metadata.h"

#include "base/bits.h"
#include "os/lock.h"
#include "os/os.h"

/* Mapped at a time; touched only as far as it is used. Small where the address space is small. */
static const size_t steps[] = {256 * KIB, 64 * KIB};

/* A record of this size and up begins at a multiple of it: its parts lie in as few OS pages as can be. */
enum { LARGE_RECORD = 4096 };

static struct {
    struct lock lock; /* RANK_MAP */
    char *next;
    char *end;
    _Atomic size_t mapped;
} metadata;

static bool extend(size_t size)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        size_t step = round_up(size_max(size, steps[i]), cairn__os_page_size());
        char *start = cairn__os_map(step, CACHE_LINES);
        if (start != NULL) {
            metadata.next = start;
            metadata.end = start + step;
            atomic_fetch_add_explicit(&metadata.mapped, step, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

/* NULL: nothing is left there. */
static char *next_aligned(size_t align)
{
    size_t gap = round_up((uintptr_t)metadata.next, align) - (uintptr_t)metadata.next;
    return (size_t)(metadata.end - metadata.next) < gap || metadata.next == NULL
               ? NULL
               : metadata.next + gap;
}

void *cairn__metadata_take(size_t size)
{
    size_t align = size < LARGE_RECORD ? CACHE_LINES : LARGE_RECORD;
    size = round_up(size, align);
    lock_acquire(&metadata.lock);
    char *record = next_aligned(align);
    if (record == NULL || (size_t)(metadata.end - record) < size)
        record = extend(size) ? next_aligned(align) : NULL;
    if (record != NULL)
        metadata.next = record + size;
    lock_release(&metadata.lock);
    return record;
}

size_t cairn__metadata_mapped(void)
{
    return atomic_load_explicit(&metadata.mapped, memory_order_relaxed);
}

void cairn__metadata_before_fork(void)
{
    lock_acquire(&metadata.lock);
}

void cairn__metadata_after_fork(bool child)
{
    lock_after_fork(&metadata.lock, child);
}
