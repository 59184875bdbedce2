/* SPDX-License-Identifier: MIT */
/* The property test on Cairn's public API, without replacing malloc: so the sanitizers can watch. */
#include "property/target.h"

#include "cairn.h"

static size_t usable_size(void *ptr)
{
    return cairn_usable_size(ptr);
}

static size_t in_use(void)
{
    struct cairn_stats stats = {.size = sizeof stats};

    cairn_stats_get(&stats);
    return stats.live;
}

const struct target target = {
    .name = "cairn",
    .alloc = cairn_malloc,
    .calloc = cairn_calloc,
    .realloc = cairn_realloc,
    .free = cairn_free,
    .aligned_alloc = cairn_aligned_alloc,
    .usable_size = usable_size,
    .in_use = in_use,
};
