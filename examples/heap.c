/* SPDX-License-Identifier: MIT */
/* A heap of one's own, handed as an allocator to code that knows nothing of heaps. */
#include <stdio.h>

#include <cairn.h>
#include <cairn/allocator.h>

/* The squares of 0 to count - 1, in memory from any allocator. */
static unsigned *squares(cairn_allocator allocator, size_t count)
{
    unsigned *list = cairn_allocator_alloc_array(allocator, cairn_layout_of(unsigned), count);
    for (unsigned i = 0; list != NULL && i < count; i++)
        list[i] = i * i;
    return list;
}

int main(void)
{
    cairn_heap *heap = cairn_heap_create("squares");
    if (heap == NULL)
        return 1;
    cairn_allocator allocator = cairn_heap_allocator(heap);
    unsigned long sum = 0;
    for (size_t count = 1; count <= 1000; count++) {
        unsigned *list = squares(allocator, count);
        if (list == NULL)
            return 1;
        sum += list[count - 1];
    }
    struct cairn_heap_stats stats = {.size = sizeof stats};
    cairn_heap_stats_get(heap, &stats);
    printf("%zu lists, sum of their last squares: %lu\n", stats.blocks, sum);
    cairn_heap_destroy(heap); /* all of them, at once */
    return 0;
}
