/* SPDX-License-Identifier: MIT */
/* How long do the calls of malloc take: the usual one, and the slowest in ten thousand? */
#include <stdio.h>

#include "cairn/system.h"
#include "cairn/timed.h"

enum { BLOCKS = 1000, ROUNDS = 100 };

static void use(cairn_allocator allocator)
{
    static void *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    unsigned random = 1;
    for (int i = 0; i < BLOCKS * ROUNDS; i++) {
        random = random * 1664525u + 1013904223u;
        int at = (int)(random >> 16) % BLOCKS;
        cairn_allocator_dealloc(allocator, blocks[at], (cairn_layout){sizes[at], 16});
        sizes[at] = (random >> 8) % 2000;
        blocks[at] = cairn_allocator_alloc(allocator, (cairn_layout){sizes[at], 16});
    }
    for (int i = 0; i < BLOCKS; i++)
        cairn_allocator_dealloc(allocator, blocks[i], (cairn_layout){sizes[i], 16});
}

int main(void)
{
    cairn_timed timed;
    if (!cairn_timed_init(&timed, cairn_system(), NULL))
        return 1;
    use(cairn_timed_allocator(&timed));

    /* The times themselves, which are others each time, go to stderr. */
    cairn_timed_report(&timed, NULL, NULL);
    fprintf(stderr, "of which the clock: %llu ns\n",
            (unsigned long long)cairn_timed_clock_cost(&timed));

    cairn_timed_stats alloc, dealloc;
    cairn_timed_stats_get(&timed, CAIRN_TIMED_ALLOC, &alloc);
    cairn_timed_stats_get(&timed, CAIRN_TIMED_DEALLOC, &dealloc);
    printf("%llu calls of alloc, %llu of dealloc\n", (unsigned long long)alloc.calls,
           (unsigned long long)dealloc.calls);
    printf("p50 <= p99 <= p99.99 <= max: %s\n",
           alloc.p50 <= alloc.p99 && alloc.p99 <= alloc.p9999 && alloc.p9999 <= alloc.max ? "yes"
                                                                                          : "no");
    cairn_timed_fini(&timed);
    return 0;
}
