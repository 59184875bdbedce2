/* SPDX-License-Identifier: MIT */
/* The property test on plain malloc: whatever the process has been given. */
#include "property/target.h"

#include <malloc.h>
#include <stdlib.h>

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

const struct target target = {
    .name = "malloc",
    .alloc = malloc,
    .calloc = calloc,
    .realloc = realloc,
    .free = free,
    .aligned_alloc = aligned_alloc,
    .usable_size = malloc_usable_size,
    .in_use = in_use,
};
