/* SPDX-License-Identifier: MIT */
/* The demonstration of the general malloc: see demo.h. */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <string.h>

#include "cairn.h"
#include "cairn/heap.h"
#include "message.h"
#include "text.h"

enum { BLOCKS = 1000 };

static void show_sizes(struct demo *demo, cairn_heap *heap)
{
    static const size_t sizes[] = {1, 24, 100, 1000, 5000, 100000};
    char asked[TEXT_SHORT], granted[TEXT_SHORT];

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *block = cairn_heap_malloc(heap, sizes[i]);
        text_count(asked, (double)sizes[i]);
        text_count(granted, (double)cairn_usable_size(block));
        char what[TEXT_SHORT + 16];
        snprintf(what, sizeof what, "asked for %s bytes", asked);
        demo_show(demo, what, "%s granted", granted);
        cairn_free(block);
    }
}

static bool count_block(void *context, void *block, size_t size)
{
    size_t *sums = context;

    (void)block;
    sums[0]++;
    sums[1] += size;
    return true;
}

static void show_heap(struct demo *demo, const char *what, cairn_heap *heap)
{
    struct cairn_heap_stats stats = {.size = sizeof stats};
    char live[TEXT_SHORT], committed[TEXT_SHORT];

    cairn_heap_stats_get(heap, &stats);
    demo_show(demo, what, "%zu blocks, %s in them, %s held", stats.blocks,
              text_bytes(live, (double)stats.live), text_bytes(committed, (double)stats.committed));
}

static bool play(struct demo *demo, cairn_heap *heap)
{
    static void *blocks[BLOCKS];
    size_t sums[2] = {0, 0};
    char bytes[TEXT_SHORT];

    demo_say(demo, "When blocks of all sizes come and go, from any thread, malloc is the answer. "
                   "Cairn's cuts pages into equal blocks of 96 sizes; a request gets the next size "
                   "up. What is granted beyond what was asked for is internal fragmentation.");
    show_sizes(demo, heap);
    fputc('\n', demo->to);

    demo_say(demo, "A heap of one's own is a malloc whose blocks can also be walked, and freed all "
                   "at once. Here are a thousand blocks of 16 to 512 bytes, and then every other "
                   "one freed.");
    for (size_t i = 0; i < BLOCKS; i++)
        if (!(blocks[i] = cairn_heap_malloc(heap, 16 + i * 37 % 497)))
            return false;
    show_heap(demo, "a thousand", heap);
    for (size_t i = 0; i < BLOCKS; i += 2)
        cairn_free(blocks[i]);
    show_heap(demo, "every other one freed", heap);
    cairn_heap_walk(heap, count_block, sums);
    demo_show(demo, "a walk over the heap finds", "%zu blocks, %s", sums[0],
              text_bytes(bytes, (double)sums[1]));
    fputc('\n', demo->to);

    demo_say(demo, "The memory held is the same as before: free blocks wait for requests of their "
                   "size. Blocks can grow, with their contents, and be aligned.");
    char *text = strcpy(cairn_heap_malloc(heap, 17), "a heap of stones");
    text = cairn_realloc(text, 4000);
    demo_show(demo, "after growing from 17 to 4 000 bytes", "\"%.16s\"", text);
    void *page = cairn_heap_aligned_alloc(heap, 4096, 100);
    demo_show(demo, "aligned to 4 096: the address modulo 4 096", "%zu",
              (size_t)((uintptr_t)page % 4096));
    demo_show(demo, "is it of this heap?", "%s", cairn_heap_of(page) == heap ? "yes" : "no");
    fputc('\n', demo->to);
    return true;
}

bool demo_heap(struct demo *demo)
{
    cairn_heap *heap = cairn_heap_create("demo");

    bool good = heap && play(demo, heap);
    cairn_heap_destroy(heap); /* and with it all its blocks */
    if (!good) {
        message("lab: the heap had no memory");
        return false;
    }
    demo_say(demo, "The heap was destroyed, and all its blocks with it, in one call.");
    demo_say(demo,
             "next: cairn run PROGRAM   (any program on this malloc), cairn compare PROGRAM   "
             "(beside the others)");
    return true;
}
