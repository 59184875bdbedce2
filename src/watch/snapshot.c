/* SPDX-License-Identifier: MIT */
/* See snapshot.h. */
#include "watch/snapshot.h"

#include "core/huge.h"
#include "core/malloc.h"
#include "os/os.h"
#include "os/system.h"

struct residence {
    size_t bytes;
    uintptr_t lowest; /* OS page where the range visited last begins: heaps share pages */
};

/* Heaps come newest first, downwards: an OS page is counted with the first that is in it. */
static void add_range(void *context, const void *start, size_t size)
{
    struct residence *residence = context;
    size_t os_page = cairn__os_page_size();
    uintptr_t from = round_down((uintptr_t)start, os_page);
    uintptr_t to = round_up((uintptr_t)start + size, os_page);
    if (to > residence->lowest && from <= residence->lowest && to <= residence->lowest + os_page)
        to = residence->lowest;
    residence->lowest = from;
    if (to > from)
        residence->bytes += cairn__system_resident((void *)from, to - from);
}

static void add_huge(void *context, const void *start, size_t size)
{
    ((struct residence *)context)->bytes += cairn__system_resident(start, size);
}

static size_t resident_own(void)
{
    struct residence residence = {0, 0};
    cairn__figures_ranges(add_range, &residence);
    cairn__huge_ranges(add_huge, &residence);
    return residence.bytes;
}

void cairn__snapshot_take(struct snapshot *snapshot)
{
    struct cairn__figures *figures = &snapshot->figures;
    cairn__figures_get_by_class(figures, snapshot->classes);
    snapshot->foreign_frees = cairn__foreign_frees();
    snapshot->metadata = figures->metadata + figures->tables;
    snapshot->held = figures->committed + snapshot->metadata;
    snapshot->resident = cairn__system_rss();
    size_t own = snapshot->resident == 0 ? 0 : resident_own();
    /* Measured one after the other, while the program goes on: no line may be negative. */
    own = size_min(own, size_min(snapshot->resident, snapshot->held));
    snapshot->resident_own = own;
    snapshot->resident_other = snapshot->resident - own;
    snapshot->absent = snapshot->resident == 0 ? 0 : snapshot->held - own;
}
