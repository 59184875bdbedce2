/* SPDX-License-Identifier: MIT */
/* Small blocks and large ones from different sources, each with a budget of its own. */
#include <stdio.h>

#include "cairn/limited.h"
#include "cairn/segregated.h"
#include "cairn/system.h"

static void report(const char *which, const cairn_limited *limited)
{
    cairn_limited_stats now;
    cairn_limited_stats_get(limited, &now);
    printf("%s: %zu blocks, %zu bytes, %zu refused\n", which, now.blocks, now.bytes, now.refusals);
}

int main(void)
{
    cairn_limited small, large;
    cairn_limited_opts budget = {.max_bytes = 100 * 1000};
    cairn_limited_init(&small, cairn_system(), NULL);
    cairn_limited_init(&large, cairn_system(), &budget);
    cairn_segregated segregated;
    cairn_segregated_init(&segregated, cairn_limited_allocator(&small),
                          cairn_limited_allocator(&large), 256);
    cairn_allocator allocator = cairn_segregated_allocator(&segregated);

    /* A text that doubles: it starts among the small ones, and does not stay there. */
    cairn_layout layout = {64, 1};
    char *text = cairn_allocator_alloc(allocator, layout);
    while (text != NULL) {
        printf("%zu bytes: ", layout.size);
        report(layout.size <= 256 ? "small" : "large", layout.size <= 256 ? &small : &large);
        char *larger = cairn_allocator_realloc(allocator, text, layout, layout.size * 4);
        if (larger == NULL)
            break; /* text is as it was */
        text = larger;
        layout.size *= 4;
    }
    cairn_allocator_dealloc(allocator, text, layout);
    report("small", &small);
    report("large", &large);
    return 0;
}
