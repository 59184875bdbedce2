/* SPDX-License-Identifier: MIT */
/*
 * Buffers for a device that can only address them if they are aligned to their size: frames of 4
 * KiB and up in memory that the firmware left over, which is neither a power of two nor aligned.
 */
#include <stdint.h>
#include <stdio.h>

#include "cairn/buddy.h"

enum { KIB = 1024 };

static _Alignas(1024 * KIB) char memory[1024 * KIB];

static bool print_block(void *context, void *ptr, size_t size, bool in_use)
{
    (void)context;
    printf("  %4td KiB: %3zu KiB %s\n", ((char *)ptr - memory) / KIB, size / KIB,
           in_use ? "in use" : "free");
    return true;
}

int main(void)
{
    cairn_buddy buddy;
    cairn_buddy_opts opts = {.min_block = 4 * KIB};
    if (!cairn_buddy_init(&buddy, memory + 10 * KIB, 150 * KIB, &opts))
        return 1;
    printf("150 KiB from 10 KiB on:\n");
    cairn_buddy_visit(&buddy, print_block, NULL);

    cairn_layout ring = {3000, 4096}, image = {20 * KIB, 1}, table = {8 * KIB, 16 * KIB};
    void *rings = cairn_buddy_alloc(&buddy, ring);
    void *images = cairn_buddy_alloc(&buddy, image);
    void *tables = cairn_buddy_alloc(&buddy, table);
    printf("a ring, an image of 20 KiB, a table aligned to 16 KiB:\n");
    cairn_buddy_visit(&buddy, print_block, NULL);
    cairn_buddy_stats stats;
    cairn_buddy_stats_get(&buddy, &stats);
    printf("%.0f %% of %zu KiB is lost inside blocks\n", 100 * cairn_buddy_waste(&stats),
           stats.in_use / KIB);

    void *grown = cairn_buddy_realloc(&buddy, rings, ring, 8 * KIB);
    ring.size = 8 * KIB;
    printf("the ring grows to 8 KiB %s\n", grown == rings ? "in place" : "elsewhere");
    printf("the driver frees the image: %s\n",
           cairn_buddy_dealloc(&buddy, images, image) ? "done" : "refused");
    printf("and frees it again: %s\n",
           cairn_buddy_dealloc(&buddy, images, image) ? "done" : "refused");
    cairn_buddy_dealloc(&buddy, tables, table);
    cairn_buddy_dealloc(&buddy, grown, ring);
    printf("at the end:\n");
    cairn_buddy_visit(&buddy, print_block, NULL);
    cairn_buddy_fini(&buddy);
    return 0;
}
